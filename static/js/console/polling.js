// Polling (`data-poll`, in seconds): never moves focus, and rests while nobody looks.
import { all, find } from "./dom.js";

const asked = new Map();

function poll(element) {
  asked.set(element.id, Date.now());
  htmx.trigger(element, "poll");
}

setInterval(() => {
  if (document.visibilityState !== "visible" || find("#sign-in-host dialog")) return;
  for (const element of all("[data-poll]")) {
    if (!asked.has(element.id)) asked.set(element.id, Date.now());
    if (Date.now() - asked.get(element.id) >= Number(element.dataset.poll) * 1000) poll(element);
  }
}, 500);
document.addEventListener("refresh", () => all("[data-poll]").forEach(poll));

// A poll that was on its way when the search changed asked for what is no longer wanted.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt, path } = detail.requestConfig;
  if (elt.matches("[data-poll]") && elt.getAttribute("hx-get") !== path) detail.shouldSwap = false;
});
