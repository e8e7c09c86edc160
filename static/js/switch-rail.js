// Makes the rail narrow and wide again, by its button (whose key is [), and remembers.
// Reads: data-switch-rail.
const root = document.documentElement;
const buttons = document.querySelectorAll("[data-switch-rail]");

function tell() {
  for (const button of buttons) button.setAttribute("aria-expanded", String(root.dataset.rail !== "narrow"));
}

function flip() {
  root.dataset.rail = root.dataset.rail === "narrow" ? "wide" : "narrow";
  try {
    localStorage.setItem("rail", root.dataset.rail);
  } catch {
    // For this page only, then.
  }
  tell();
  dispatchEvent(new Event("resize")); // charts have another width now
}

for (const button of buttons) button.addEventListener("click", flip);
tell();
