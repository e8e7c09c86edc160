// Windows of rows far away give their place to an empty one of the same height. Their rows are kept as text: they still count as
// loaded, are selected with the others, and are asked for anew when they come back if they changed meanwhile.
// Reads: tbody of [data-table], tr[data-run]. Imported by table-windows.js, table-selection.js, runs-refresh.js, change-runs.js.
import { runs } from "./table-state.js";

const stored = new WeakMap(); // window to {html, ids} while it is empty
const stale = new Set(); // ids of rows that changed while they were not in the page

export const isStored = (body) => stored.has(body);

const ids = (body) => stored.get(body)?.ids ?? [...body.querySelectorAll("tr[data-run]")].map((row) => row.dataset.run);

// The runs of all rows that were loaded, in their order; a pinned one stands twice.
export const loadedIds = () => [...runs.querySelectorAll("[data-table] tbody")].flatMap(ids);

export function empty(body, row) {
  stored.set(body, { html: body.innerHTML, ids: ids(body) });
  body.replaceChildren(row);
}

// The ids of the rows that have to be asked for anew.
export function fill(body) {
  const { html, ids: all } = stored.get(body);
  body.innerHTML = html;
  stored.delete(body);
  const changed = all.filter((id) => stale.delete(id));
  return changed;
}

export function changedAway(changed) {
  for (const id of changed) stale.add(id);
}
document.addEventListener("table-shown", () => stale.clear());
