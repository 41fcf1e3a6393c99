// Light or dark as chosen at this browser; without a choice as the system has it. Runs before the page is drawn, so that
// nothing flashes, and is therefore no module.

(() => {
  const KEY = "theme";
  const GROUNDS = { light: "#ffffff", dark: "#18171e" };
  const root = document.documentElement;

  function read() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function apply(theme) {
    if (theme in GROUNDS) root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const meta of document.querySelectorAll("meta[name='theme-color']")) {
      meta.content = GROUNDS[theme] ?? GROUNDS[meta.media.includes("dark") ? "dark" : "light"];
    }
  }

  function show() {
    for (const choice of document.querySelectorAll("[data-theme-choice]")) choice.value = root.dataset.theme ?? "";
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-theme-choice]")) return;
    try {
      if (target.value) localStorage.setItem(KEY, target.value);
      else localStorage.removeItem(KEY);
    } catch {
      // A browser that stores nothing shows it as long as the page is open.
    }
    apply(target.value);
  });
  // Other tabs follow at once.
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== KEY) return;
    apply(newValue);
    show();
  });
  for (const type of ["DOMContentLoaded", "page:shown"]) document.addEventListener(type, show);
  apply(read());
})();
