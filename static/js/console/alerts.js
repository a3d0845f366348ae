// How many critical findings there are (`data-critical`), in the tab's title and icon too.
import { find } from "./dom.js";

const icon = find("link[rel=icon]");

function show() {
  const critical = Number(find("[data-critical]")?.dataset.critical ?? 0);
  const plain = document.title.replace(/^\(\d+\) /, "");
  const title = critical ? `(${critical}) ${plain}` : plain;
  if (document.title !== title) document.title = title;
  const address = critical ? icon.dataset.alert : icon.dataset.calm;
  if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
}

document.addEventListener("htmx:afterSettle", show);
