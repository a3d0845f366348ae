// Forms that htmx does not send are sent once, however often the button is pressed; and a search is no reason to leave
// the page.
import { all, find } from "./dom.js";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches('[role="search"]') && find("[hx-get]", form)) return event.preventDefault();
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  // A navigation that was stopped may be begun again.
  setTimeout(() => delete form.dataset.sent, 5000);
});
// Back shows the page as it was left.
addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));
