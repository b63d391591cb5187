// Follows Airflow's colour mode: its page around this one, else what it has stored, else the system's.
(() => {
  "use strict";
  const root = document.documentElement;
  const around = (() => {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null;
    } catch {
      return null;
    }
  })();
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const choose = () => {
    const stored = localStorage.getItem("theme");
    let dark = system.matches;
    if (around && /\b(dark|light)\b/.test(around.className)) dark = around.classList.contains("dark");
    else if (stored === "dark" || stored === "light") dark = stored === "dark";
    root.dataset.theme = dark ? "dark" : "light";
  };
  choose();
  system.addEventListener("change", choose);
  if (around) new MutationObserver(choose).observe(around, { attributes: true, attributeFilter: ["class"] });
})();
