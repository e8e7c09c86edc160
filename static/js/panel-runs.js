// Which runs the page shows, and which one is pointed at: what the table and the charts tell each other.
// Reads: #shown-runs (JSON [{id, name, colour, hidden, pinned}] or {runs: [...]}), events "runs-shown" {runs}, "run-hover" {id}.
const listed = (found) => (Array.isArray(found) ? found : found?.runs ?? []);

export function fromPage() {
  const island = document.getElementById("shown-runs");
  try { return island ? listed(JSON.parse(island.textContent)) : []; } catch { return []; }
}

export function onRuns(tell) {
  document.addEventListener("runs-shown", (event) => tell(listed(event.detail)));
}

let pointed = null;

export function point(id) {
  if (id === pointed) return;
  document.dispatchEvent(new CustomEvent("run-hover", { detail: { id } }));
}

export function onPoint(tell) {
  document.addEventListener("run-hover", (event) => {
    pointed = event.detail?.id ?? null;
    tell(pointed);
  });
}

export function colourOf(run) {
  const style = getComputedStyle(document.documentElement);
  const chosen = run?.colour;
  if (typeof chosen === "string" && !/^\d+$/.test(chosen)) return chosen.startsWith("--") ? style.getPropertyValue(chosen).trim() : chosen;
  return style.getPropertyValue(`--run-${chosen || 1}`).trim();
}
