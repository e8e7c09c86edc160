// Pages of the registry follow what is done there: new versions, aliases, tags, descriptions, names, and that something is gone.
// Reads: #registry-live with data-live (server-sent events {mark, models?}), data-mark, and data-model and data-name of one model.
import { follow } from "./live-stream.js";
import { renewing, renewPage } from "./page-renewed.js";

const place = () => document.getElementById("registry-live");

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

const renew = renewing(
  () => renewPage(location.href),
  (failed) => gone(place().dataset.model ? "This is not in the registry any more: somebody deleted it." : failed.message),
);

function hear({ mark, models }) {
  const { dataset } = place();
  if (mark === dataset.mark) return;
  const mine = dataset.model ? models?.find(({ id, name }) => String(id) === dataset.model || (id === null && name === dataset.name)) : null;
  if (dataset.model && models && !mine) return void (dataset.mark = mark); // of another model
  if (mine?.id) renamed(mine.name);
  renew();
}

if (place()) addEventListener("load", () => setTimeout(() => follow(place().dataset.live, hear), 500));
