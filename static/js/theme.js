"use strict";
// Before the first paint, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  if (root.dataset.theme !== "auto") return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    if (root.dataset.theme === "auto") root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  };
  follow();
  dark.addEventListener("change", follow);
})();
