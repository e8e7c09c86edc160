// A button that goes from light to dark and back, and remembers.
// Reads: data-switch-theme. Sends the event "theme" to the document, for what is drawn and not styled.
const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function announce() {
  document.dispatchEvent(new CustomEvent("theme"));
}

for (const button of document.querySelectorAll("[data-switch-theme]")) {
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // For this page only, then.
    }
    announce();
  });
}
system.addEventListener("change", announce);
