// Server-sent events tell of the newest runs; of all the others whose rows are loaded, marks are asked for: what has another mark
// than before is put anew. Those in the page come first, and as many as the server answers at once.
// Reads: #runs[data-marks] (URL). Listens to: "rows-added", "table-shown", "live-again".
import { ask } from "./ask-server.js";
import { renew } from "./runs-refresh.js";
import { runs, table } from "./table-state.js";
import { loadedIds } from "./windows-stored.js";

const SECONDS = 5, SOON = 300, MOST = 1000;
let marks = new Map();
let timer, failures = 0;

function watched() {
  const here = [...runs.querySelectorAll("tr[data-run]")].map((row) => row.dataset.run);
  return [...new Set([...here, ...loadedIds()])].slice(0, MOST);
}

async function look() {
  const ids = table() && !document.hidden ? watched() : [];
  if (ids.length) {
    const now = new Map(Object.entries((await ask(runs.dataset.marks, { body: { runs: ids }, quiet: true })).marks));
    const changed = ids.filter((id) => marks.has(id) && marks.get(id) !== now.get(id));
    if (changed.length && runs.querySelector(".editing")) return;
    marks = now;
    if (changed.length) await renew(changed);
  }
}

function plan(wait) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    try { await look(); failures = 0; } catch { failures++; } // that it is not live is said by live-stream.js
    plan(SECONDS * 1000 * 2 ** Math.min(failures, 4));
  }, wait);
}

if (runs.dataset.marks) {
  // So that no change is missed between their coming and the first look; a renewed row had its look, and another would renew it again.
  document.addEventListener("rows-added", (event) => !event.detail.renewed && plan(SOON));
  document.addEventListener("table-shown", () => plan(SOON));
  document.addEventListener("live-again", () => plan(0));
  document.addEventListener("visibilitychange", () => !document.hidden && plan(SOON));
  plan(SOON);
}
