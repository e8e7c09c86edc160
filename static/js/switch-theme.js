// A button that goes from what the system says to its opposite, to its like, and back to the system; it remembers.
// Reads: data-switch-theme with .label. Sends the event "theme" to the document, for what is drawn and not styled.
const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const buttons = document.querySelectorAll("[data-switch-theme]");

function following() {
  const [like, opposite] = system.matches ? ["dark", "light"] : ["light", "dark"];
  return { [opposite]: like, [like]: undefined }[root.dataset.theme] ?? (root.dataset.theme ? undefined : opposite);
}

function tell() {
  const now = root.dataset.theme ?? "system";
  for (const button of buttons) {
    button.querySelector(".label").textContent = `Theme: ${now}`;
    button.title = `Theme: ${now === "system" ? "as the system" : now}. Press for ${following() ?? "the system's"}`;
  }
}

function announce() {
  tell();
  document.dispatchEvent(new CustomEvent("theme"));
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    const next = following();
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      if (next) localStorage.setItem("theme", next);
      else localStorage.removeItem("theme");
    } catch {
      // For this page only, then.
    }
    announce();
  });
}
system.addEventListener("change", announce);
tell();
