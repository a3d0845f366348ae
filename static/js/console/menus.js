// Menus: the ARIA menu button pattern. `data-menu` is on the button, `role=menu` on what it opens.
import { all, find } from "./dom.js";

let open = null;

const menuOf = (button) => document.getElementById(button.getAttribute("aria-controls"));
const itemsOf = (menu) => all('[role^="menuitem"]', menu);

function place(button, menu) {
  const at = button.getBoundingClientRect();
  // Where it was left before would squeeze it and falsify its size.
  menu.style.top = menu.style.left = "0";
  const below = innerHeight - at.bottom > menu.offsetHeight + 8 || at.top < menu.offsetHeight;
  menu.style.top = `${Math.max(4, below ? at.bottom + 4 : at.top - menu.offsetHeight - 4)}px`;
  menu.style.left = `${Math.max(4, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 4))}px`;
}

function openMenu(button, last = false) {
  closeMenu(false);
  const menu = menuOf(button);
  menu.hidden = false;
  button.setAttribute("aria-expanded", "true");
  open = { button: button.id, menu: menu.id };
  place(button, menu);
  itemsOf(menu).at(last ? -1 : 0)?.focus();
}

function closeMenu(focus = true) {
  if (!open) return;
  const button = document.getElementById(open.button);
  const menu = document.getElementById(open.menu);
  open = null;
  if (menu) menu.hidden = true;
  button?.setAttribute("aria-expanded", "false");
  if (focus) button?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu]");
  if (button) return button.getAttribute("aria-expanded") === "true" ? closeMenu() : openMenu(button);
  if (open && event.target.closest('[role^="menuitem"]')) return closeMenu();
  if (open && !event.target.closest('[role="menu"]')) closeMenu(false);
});

function moveInMenu(menu, event) {
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) return items.at(to % items.length);
  if (event.key.length !== 1 || event.ctrlKey || event.metaKey) return null;
  const named = (item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase());
  return [...items.slice(at + 1), ...items.slice(0, at + 1)].find(named);
}

document.addEventListener("keydown", (event) => {
  const button = event.target.closest?.("[data-menu]");
  if (button && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    return openMenu(button, event.key === "ArrowUp");
  }
  const menu = event.target.closest?.('[role="menu"]');
  if (!menu || !open) return;
  if (event.key === "Escape") return closeMenu();
  if (event.key === "Tab") return closeMenu(false);
  const item = event.key === " " || event.key === "Enter" ? null : moveInMenu(menu, event);
  if (!item) return;
  event.preventDefault();
  item.focus();
});

// A page that scrolls or grows under an open menu takes the menu along.
function follow() {
  const button = open && document.getElementById(open.button);
  if (button) place(button, document.getElementById(open.menu));
}
addEventListener("resize", follow);
document.addEventListener("scroll", follow, true);
