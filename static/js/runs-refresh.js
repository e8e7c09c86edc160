// After runs were changed the rows show it: those that are still here are asked for anew, those that went away go. Rows of windows
// that are emptied at the moment follow when they come back.
// Reads: tr[data-run] of #runs. Listens to: "runs-changed" (changes), "edit-ended". Sends: "rows-added", "columns-news".
import { again, fetchRows, query, rowsAdded, runs, table } from "./table-state.js";
import { changedAway, loadedIds } from "./windows-stored.js";

const AT_ONCE = 100;
const usual = () => (query().has("columns") || query().has("group") ? {} : { usual: "1" }); // nobody chose columns: new names become some

const held = new Set(); // runs whose row waits until its cell is edited no more
document.addEventListener("edit-ended", () => {
  const ids = [...held];
  held.clear();
  if (ids.length) renew(ids).catch(() => {});
});

// Puts the rows of these runs anew, and takes away those that the filter lets pass no longer.
export async function renew(ids) {
  const shown = ids.filter((id) => runs.querySelector(`tr[data-run="${CSS.escape(id)}"]`));
  changedAway(ids.filter((id) => !shown.includes(id)));
  for (let start = 0; start < shown.length; start += AT_ONCE) {
    const part = shown.slice(start, start + AT_ONCE);
    const area = table();
    const body = await fetchRows({ only: part.join(","), ...usual() }, { quiet: true });
    if (area !== table()) return;
    if (body.dataset.usual) document.dispatchEvent(new CustomEvent("columns-news", { detail: JSON.parse(body.dataset.usual) }));
    const found = new Map([...body.rows].map((row) => [row.dataset.run, row]));
    for (const id of part) {
      for (const old of runs.querySelectorAll(`tr[data-run="${CSS.escape(id)}"]`)) replace(old, found.get(id));
    }
  }
}

function replace(old, found) {
  if (old.querySelector(".editing input:read-write")) return void held.add(old.dataset.run); // somebody began to type meanwhile
  if (!found) return old.remove();
  const row = found.cloneNode(true);
  const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("a, button, input")].indexOf(document.activeElement) : -1;
  const cell = [...old.cells].indexOf(document.activeElement);
  const open = old.querySelector(".twig[aria-expanded=true]");
  if (open) row.querySelector("button.twig")?.setAttribute("aria-expanded", "true");
  if (old.dataset.depth) row.dataset.depth = old.dataset.depth;
  row.className = `${found.className} ${old.classList.contains("current") ? "current" : ""}`;
  const unpin = old.querySelector("[data-unpin]");
  if (unpin) row.querySelector(".lead").append(unpin);
  old.replaceWith(row);
  rowsAdded(row.parentNode, true);
  if (focused >= 0) row.querySelectorAll("a, button, input")[focused]?.focus({ preventScroll: true });
  if (cell < 0) return;
  row.cells[cell].tabIndex = -1;
  row.cells[cell].focus({ preventScroll: true });
}

document.addEventListener("runs-changed", async (event) => {
  const changes = event.detail;
  const comes = changes.some((change) => change.stage !== undefined || change.experiment_id !== undefined);
  const loaded = new Set(loadedIds());
  const missing = changes.some((change) => !loaded.has(change.run_id));
  if (!table() || (comes && missing)) return again(); // a run came back: only the server knows where it stands
  await renew(changes.map((change) => change.run_id));
});
