// Toasts: what has been done, for a while; what went wrong, until it is closed, or in the dialog that it happened in.
import { all, find } from "./dom.js";
import { signIn } from "./session.js";

function toast(text, tone = "good") {
  const box = find("#toast-template").content.firstElementChild.cloneNode(true);
  box.dataset.tone = tone;
  find("[data-text]", box).textContent = text;
  document.getElementById("toasts").append(box);
  arm(box);
}

function arm(box) {
  find("button", box).addEventListener("click", () => box.remove());
  if (box.dataset.tone === "good") setTimeout(() => box.remove(), 6000);
}

// Those that came with the page.
all("#toasts .toast-box").forEach(arm);

// Over an open dialog a toast could neither be reached nor closed: what went wrong stands in the dialog, beside what
// was typed.
function complain(element, text) {
  const sheet = find(".sheet-body", element.closest("dialog") ?? document.createElement("div"));
  if (!sheet) return toast(text, "bad");
  const box = find(".went-wrong", sheet) ?? document.createElement("div");
  box.className = "went-wrong alert alert-danger mb-3";
  box.setAttribute("role", "alert");
  box.textContent = text;
  sheet.prepend(box);
}

document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.tone));
for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, (event) => {
    if (!event.detail.elt.matches("[data-poll]")) complain(event.detail.elt, document.body.dataset.textOffline);
  });
}
document.addEventListener("htmx:responseError", (event) => {
  const { xhr, elt } = event.detail;
  const texts = document.body.dataset;
  if (xhr.status === 401) return signIn(event.detail.requestConfig);
  if (!elt.matches("[data-poll]")) complain(elt, texts[`text${xhr.status}`] ?? texts.text500);
});
