// Runs before the first paint, so that nothing flashes: applies the remembered theme and rail, and marks that scripts run.
// Reads: localStorage "theme" and "rail". Writes: data-theme and data-rail of <html>.
(function () {
  const root = document.documentElement;
  root.classList.remove("no-script");
  try {
    for (const name of ["theme", "rail"]) {
      const value = localStorage.getItem(name);
      if (value) root.dataset[name] = value;
    }
  } catch {
    // Storage is off: the system decides.
  }
})();
