// Controls that may not be used yet, or at all, and say why: `aria-disabled` instead of `disabled`.
import { all, find } from "./dom.js";

// A forbidden control keeps focus and its place; it only does nothing. Captured, so that htmx never hears of it.
for (const kind of ["click", "submit"]) {
  document.addEventListener(kind, (event) => {
    const control = event.submitter ?? event.target;
    if (!control.closest?.('[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

// A button for the rows that are ticked.
function ticks() {
  for (const button of all("[data-needs-tick]")) {
    const none = all(`${button.dataset.needsTick} input[type=checkbox]:checked`).length === 0;
    button.setAttribute("aria-disabled", String(none));
  }
}

// A button that waits for its plan.
function awaited() {
  for (const button of all("[data-awaits]")) {
    button.setAttribute("aria-disabled", String(!find(button.dataset.awaits)));
  }
}

document.addEventListener("change", (event) => {
  const master = event.target.closest("[data-tick-all]");
  const boxes = master ? all(`${master.dataset.tickAll} input[name]:not(:disabled)`) : [];
  for (const box of boxes) box.checked = master.checked;
  ticks();
});

document.addEventListener("htmx:afterSettle", () => {
  ticks();
  awaited();
});
ticks();
