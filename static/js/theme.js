"use strict";
// Light, dark or as the system. No module: it runs before the first paint, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function paint() {
    const { theme } = root.dataset;
    root.setAttribute("data-bs-theme", theme === "dark" || (theme === "auto" && dark.matches) ? "dark" : "light");
  }

  paint();
  dark.addEventListener("change", paint);

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-set-theme]");
    if (!choice) return;
    const theme = choice.dataset.setTheme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    root.dataset.theme = theme;
    paint();
    for (const item of document.querySelectorAll("[data-set-theme]")) {
      item.setAttribute("aria-checked", String(item === choice));
    }
  });
})();
