// Pages of the registry follow what is done there: new versions, aliases, tags, descriptions, names, and that something is gone.
// Reads: #registry-live with data-live (server-sent events {mark, models?}), data-mark, and data-model and data-name of one model.
import { Failed } from "./ask-server.js";
import { follow } from "./live-stream.js";
import { renewPage } from "./page-renewed.js";

const WAIT = 5000; // before what could not be shown is tried again
const place = () => document.getElementById("registry-live");
let busy = false, wanted = false;

// The pages of a model have its name in their address.
function renamed(name) {
  const { model, name: before } = place().dataset;
  if (!model || name === before) return;
  const segment = location.pathname.split("/"), at = segment.lastIndexOf("models") + 1;
  segment[at] = encodeURIComponent(name);
  history.replaceState(history.state, "", segment.join("/") + location.search + location.hash);
}

function gone(message) {
  document.querySelector("#content > .problem.gone")?.remove();
  const note = Object.assign(document.createElement("p"), { className: "problem gone", textContent: `${message} What you see is from before.` });
  note.setAttribute("role", "status");
  document.getElementById("content").prepend(note);
}

async function renew() {
  wanted = true;
  if (busy) return;
  busy = true;
  while (wanted) {
    wanted = false;
    try {
      await renewPage(location.href);
    } catch (failed) {
      if (failed.status === 404) gone(place().dataset.model ? "This is not in the registry any more: somebody deleted it." : failed.message);
      else if (failed instanceof Failed) setTimeout(renew, WAIT);
      else reportError(failed);
    }
  }
  busy = false;
}

function hear({ mark, models }) {
  const { dataset } = place();
  if (mark === dataset.mark) return;
  const mine = dataset.model ? models?.find(({ id, name }) => String(id) === dataset.model || (id === null && name === dataset.name)) : null;
  if (dataset.model && models && !mine) return void (dataset.mark = mark); // of another model
  if (mine?.id) renamed(mine.name);
  renew();
}

if (place()) addEventListener("load", () => setTimeout(() => follow(place().dataset.live, hear), 500));
