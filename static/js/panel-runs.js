// Which runs the page shows, and which one is pointed at: what the table and the charts tell each other.
// Reads: #shown-runs (JSON [{id, name, look, hidden, pinned}] or {runs: [...]}), events "runs-shown" {runs}, "run-hover" {id}.
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
