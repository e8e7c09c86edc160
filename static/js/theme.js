// Runs before the first paint: applies the remembered theme. Marks that scripts run. Reads: localStorage "theme".
(function () {
  const root = document.documentElement;
  root.classList.remove("no-script");
  try { const theme = localStorage.getItem("theme"); if (theme) root.dataset.theme = theme; } catch { /* storage is off: the system decides */ }
})();
