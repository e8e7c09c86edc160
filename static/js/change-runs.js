// Sends changes of runs to the server, says what was done, and takes it back when asked. Imported by what changes runs.
// Reads: #runs[data-change]. Sends: "runs-changed" to the document.
import { sayToast } from "./say-toast.js";
import { selected, whole } from "./table-selection.js";
import { runs, table } from "./table-state.js";
import { loadedIds } from "./windows-stored.js";

async function send(body) {
  const answer = await fetch(runs.dataset.change, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  }).catch(() => null);
  if (!answer) throw new Error("The server cannot be reached. Nothing was changed; try again.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(`${said.message ?? `The server answered ${answer.status}.`} Nothing was changed.`);
  return said;
}

// `changes`: one for each run, {run_id, name?, stage?, experiment_id?, colour?, tags?}. Whether it was done.
export const changeRuns = (changes) => carry({ changes }, () => changes);

// The same for all selected runs: by their ids, or by the state of the table when all that match are selected.
// `nested`: the runs below a moved one move along.
export function changeSelected(change, nested = false) {
  const same = ({ run_id }) => ({ run_id, ...change });
  if (!whole.count) {
    const changes = [...selected].map((run_id) => same({ run_id }));
    const loaded = new Set(loadedIds());
    return carry({ changes, nested }, (done) => done.undo.changes.filter(({ run_id }) => loaded.has(run_id)).map(same));
  }
  const state = new URL(table().dataset.rows, location.href).search.slice(1);
  return carry({ matching: { state, count: whole.count }, change, nested }, (done) => done.undo.changes.map(same));
}

async function carry(body, changed) {
  try {
    const done = await send(body);
    document.dispatchEvent(new CustomEvent("runs-changed", { detail: changed(done) }));
    sayToast(done.said, { undo: () => takeBack(done.undo) });
    return true;
  } catch (error) {
    sayToast(error.message, { bad: true });
    return false;
  }
}

async function takeBack(undo) {
  try {
    await send(undo);
    document.dispatchEvent(new CustomEvent("runs-changed", { detail: undo.changes }));
    sayToast("Taken back.");
  } catch (error) {
    sayToast(error.message, { bad: true });
  }
}
