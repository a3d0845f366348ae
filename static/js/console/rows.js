// Rows that open and close (`data-toggle-rows`), and rows that are searched in the page (`data-filter`).
import { all, find } from "./dom.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle-rows]");
  if (!button) return;
  button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
  foldRows(button);
});

// A row may be in what several buttons close.
const closed = (id) => Boolean(find(`[data-toggle-rows="${id}"][aria-expanded="false"]`));

function foldRows(button) {
  for (const row of all(`[data-rows~="${button.dataset.toggleRows}"]`)) {
    row.hidden = row.dataset.rows.split(" ").some(closed);
  }
}

// A row that comes into a group that is closed, or out of one.
document.addEventListener("htmx:afterSettle", () => all("[data-toggle-rows]").forEach(foldRows));

// A search over rows that are all in the page; what is ticked stays in sight.
document.addEventListener("input", (event) => {
  const list = event.target.dataset?.filter;
  if (!list) return;
  const wanted = event.target.value.trim().toLowerCase();
  const rows = all(`${list} [data-words]`);
  for (const row of rows) {
    row.hidden = !row.dataset.words.toLowerCase().includes(wanted) && !find("input:checked", row);
  }
  const said = find(`[data-filter-none="${list}"]`);
  said.textContent = rows.every((row) => row.hidden) ? said.dataset.text : "";
});
