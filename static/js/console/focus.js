// Focus: what is swapped under it, moves or goes takes it along to the nearest that stood before it.
import { all, find } from "./dom.js";

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
let line = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  const at = document.activeElement;
  if (!event.detail.target.contains(at)) return void (line = []);
  const stops = all(FOCUSABLE, event.detail.target);
  line = stops.slice(0, stops.indexOf(at) + 1).map((stop) => stop.id);
});

function refocus() {
  if (!line.length || (document.activeElement && document.activeElement !== document.body)) return;
  const stops = line.map((id) => id && document.getElementById(id));
  const stop = stops.findLast((each) => each && each.tabIndex >= 0 && !each.disabled && each.checkVisibility());
  (stop ?? document.getElementById("main"))?.focus({ preventScroll: true });
}

// What a form of the page itself was answered with is read first, where it is a refusal.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "live" || detail.requestConfig?.verb !== "post") return;
  find('#live [aria-invalid="true"], #live [role="alert"]')?.focus();
});
document.addEventListener("htmx:afterSwap", refocus);
