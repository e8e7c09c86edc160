// Sends changes of runs to the server, says what was done, and takes it back when asked. Imported by what changes runs.
// Reads: #runs[data-change]. Sends: "runs-changed" to the document.
import { ask } from "./ask-server.js";
import { sayFailed, sayToast } from "./say-toast.js";
import { selected, whole } from "./table-selection.js";
import { runs, table } from "./table-state.js";
import { loadedIds } from "./windows-stored.js";

const send = (body) => ask(runs.dataset.change, { body, write: true, busy: runs });

// `changes`: one for each run, {run_id, name?, stage?, experiment_id?, colour?, tags?, seen?}. What kept it from being done, if anything did.
export const changeRuns = (changes) => carry({ changes }, () => changes);

// The same for all selected runs: by their ids, or by the state of the table when all that match are selected.
// `nested`: the runs below a moved one move along.
export function changeSelected(change, nested = false) {
  const same = ({ run_id }) => ({ run_id, ...change });
  if (!whole.count) {
    const changes = [...selected].map((run_id) => same({ run_id }));
    const loaded = new Set(loadedIds());
    return carry({ changes, nested }, (done) => done.undo.changes.filter(({ run_id }) => loaded.has(run_id)).map(same), true);
  }
  const state = new URL(table().dataset.rows, location.href).search.slice(1);
  return carry({ matching: { state, count: whole.count }, change, nested }, (done) => done.undo.changes.map(same), true);
}

// `repeated`: nothing but the toast has the way to try it again.
async function carry(body, changed, repeated = false) {
  try {
    const done = await send(body);
    document.dispatchEvent(new CustomEvent("runs-changed", { detail: changed(done) }));
    sayToast(done.said, { undo: () => takeBack(done.undo) });
    return null;
  } catch (error) {
    const refused = error.status >= 400 && error.status < 500 && error.status !== 429;
    sayFailed("Nothing was changed", error, repeated && !refused && (() => carry(body, changed, true)));
    return error;
  }
}

async function takeBack(undo) {
  try {
    await send(undo);
    document.dispatchEvent(new CustomEvent("runs-changed", { detail: undo.changes }));
    sayToast("Taken back.");
  } catch (error) {
    sayFailed("It was not taken back", error, () => takeBack(undo));
  }
}
