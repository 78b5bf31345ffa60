/* Runs before the first paint: the theme and the language chosen last. */
(() => {
  const root = document.documentElement;
  let kept = {};
  try {
    kept = { theme: localStorage.getItem("theme"), language: localStorage.getItem("language") };
  } catch {
    // storage is closed to this page: the system's theme and the browser's language then
  }
  if (kept.theme) root.dataset.theme = kept.theme;
  root.lang = kept.language || (navigator.language.startsWith("zh") ? "zh" : "en");
})();
