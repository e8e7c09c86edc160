// Sends changes of runs to the server, says what was done, and takes it back when asked. Imported by what changes runs.
// Reads: #runs[data-change]. Sends: "runs-changed" to the document.
import { sayToast } from "./say-toast.js";
import { runs } from "./table-state.js";

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
export async function changeRuns(changes) {
  try {
    const done = await send({ changes });
    document.dispatchEvent(new CustomEvent("runs-changed", { detail: changes }));
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
