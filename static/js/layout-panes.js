// Table, charts, or both beside each other: chosen in the toolbar, kept in the URL; the bar between them is dragged or moved by arrow keys.
// Reads: [data-panes][data-layout], [data-layout-link], [data-splitter]. Sends: "layout" to the document and "resize" to the window.
import { note } from "./table-state.js";

const panes = document.querySelector("[data-panes]");
const splitter = document.querySelector("[data-splitter]");
const SHARE = "runs-table-share";

function tell() {
  document.dispatchEvent(new CustomEvent("layout", { detail: { layout: panes.dataset.layout } }));
  dispatchEvent(new Event("resize"));
}

function share(percent) {
  const kept = Math.round(Math.min(Math.max(percent, 20), 80));
  panes.style.setProperty("--table-share", `${kept}%`);
  splitter.setAttribute("aria-valuenow", String(kept));
  try {
    localStorage.setItem(SHARE, String(kept));
  } catch {
    // For this page only, then.
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-layout-link]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  panes.dataset.layout = link.dataset.layoutLink;
  for (const other of document.querySelectorAll("[data-layout-link]")) other.toggleAttribute("aria-current", other === link);
  link.setAttribute("aria-current", "true");
  note({ layout: panes.dataset.layout === "table" ? "" : panes.dataset.layout });
  tell();
});

splitter.addEventListener("pointerdown", (event) => {
  splitter.setPointerCapture(event.pointerId);
  const box = panes.getBoundingClientRect();
  const move = (to) => share(((to.clientX - box.left) / box.width) * 100);
  splitter.addEventListener("pointermove", move);
  splitter.addEventListener("pointerup", () => {
    splitter.removeEventListener("pointermove", move);
    tell();
  }, { once: true });
});
splitter.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
  if (!by) return;
  event.preventDefault();
  share(Number(splitter.getAttribute("aria-valuenow")) + by);
  tell();
});

try {
  const kept = Number(localStorage.getItem(SHARE));
  if (kept) share(kept);
} catch {
  // Half and half, then.
}
