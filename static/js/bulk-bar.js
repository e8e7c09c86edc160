// What can be done with the selected runs: compare, tag, move, delete, restore.
// Reads: [data-bulk], [data-bulk-count], [data-bulk-compare], [data-bulk-stage], [data-bulk-none], [data-bulk-tag] with [data-do].
import { changeSelected } from "./change-runs.js";
import { clear, count, selected, whole } from "./table-selection.js";

const bar = document.querySelector("[data-bulk]");
const part = (name) => bar.querySelector(`[data-bulk-${name}]`);
// The form around the table serves who has no scripts: with them, Enter in a cell that is edited must not send it.
for (const button of bar.querySelectorAll("button")) button.type = "button";
bar.closest("form").addEventListener("submit", (event) => event.preventDefault());

const close = () => { for (const menu of bar.querySelectorAll("details[open]")) menu.open = false; };

export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");

document.addEventListener("selection", () => {
  bar.hidden = count() === 0;
  part("count").textContent = grouped(count());
  part("compare").hidden = whole.count > 0; // one compares some, not all
  if (bar.hidden) close();
});

// Tagged runs stay selected, for the next tag or a comparison; but of "all that match", a tag may change which do.
// What is refused stays typed.
let busy = false;
async function change(of) {
  if (busy || !count()) return;
  busy = true;
  const menu = bar.querySelector("details[open]"), failed = await changeSelected(of);
  busy = false;
  if (failed) return;
  if (menu?.contains(document.activeElement)) menu.querySelector("summary").focus();
  close();
  if (!of.tags || whole.count) clear();
}

function tag(act) {
  const key = bar.querySelector("#bulk-key"), value = bar.querySelector("#bulk-value");
  key.setCustomValidity(key.value.trim() ? "" : "Give the tag a name.");
  if (!key.reportValidity()) return;
  change({ tags: { [key.value.trim()]: act === "set" ? value.value : null } });
}

bar.querySelector("#bulk-key")?.addEventListener("input", (event) => event.target.setCustomValidity(""));
bar.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest("[data-bulk-tag]") && event.target.matches("input")) tag("set");
});
bar.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  if (button.dataset.bulkStage) change({ stage: button.dataset.bulkStage });
  else if ("bulkNone" in button.dataset) clear();
  else if (button.dataset.do) tag(button.dataset.do);
  else if ("bulkCompare" in button.dataset) {
    if (!selected.size || whole.count) return event.preventDefault();
    const url = new URL(button.href);
    url.searchParams.set("runs", [...selected].join(","));
    button.href = url.href;
  }
});
