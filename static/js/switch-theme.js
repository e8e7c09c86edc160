// A button that goes from light to dark and back, and remembers. Reads: data-switch-theme.
const dark = () => document.documentElement.dataset.theme
  ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
for (const button of document.querySelectorAll("[data-switch-theme]")) {
  button.addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* for this page only */ }
    document.dispatchEvent(new CustomEvent("theme"));
  });
}
