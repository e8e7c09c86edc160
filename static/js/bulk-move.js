// Moves the selected runs to an experiment that is found by typing.
// Reads: [data-bulk-move][data-find] with an input and .found, [data-bulk-nested]. Changes by change-runs.js.
import { ask } from "./ask-server.js";
import { changeSelected } from "./change-runs.js";
import { failedPart } from "./failed-part.js";
import { skeletons } from "./skeletons.js";
import { clear, count } from "./table-selection.js";

const panel = document.querySelector("[data-bulk-move]");
const input = panel?.querySelector("input");
const found = panel?.querySelector(".found");
let asked = 0;

async function find() {
  const turn = ++asked;
  const url = new URL(panel.dataset.find, location.href);
  url.searchParams.set("typed", input.value);
  if (!found.childElementCount) skeletons(found);
  const answer = await ask(url, { busy: found }).catch((failed) => turn === asked && found.replaceChildren(failedPart("The experiments could not be loaded", failed, find)));
  if (turn !== asked || !answer) return;
  const { experiments } = answer;
  found.replaceChildren(...experiments.map(({ id, name }) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button bare act" });
    const label = Object.assign(document.createElement("bdi"), { textContent: name });
    button.dataset.to = id;
    button.append(label);
    return button;
  }));
  if (!experiments.length) found.textContent = "No active experiment has this in its name.";
}

panel?.closest("details").addEventListener("toggle", (event) => event.target.open && find());
input?.addEventListener("input", find);
input?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  found.querySelector("button")?.click();
});
found?.addEventListener("click", async (event) => {
  const to = event.target.closest("button")?.dataset.to;
  if (!to || !count()) return;
  panel.closest("details").open = false;
  if (!(await changeSelected({ experiment_id: to }, panel.querySelector("[data-bulk-nested]").checked))) clear();
});
