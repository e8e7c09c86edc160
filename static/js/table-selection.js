// Rows are selected by their box, by Shift and a click for all between, or all shown rows at once; windows that come and go keep it.
// Reads: tr[data-run], input[name=run], [data-select-all]. Sends: "selection" to the document, with the run ids.
import { runs, whenShown } from "./table-state.js";

export const selected = new Set();
let last = null;

const rows = () => [...runs.querySelectorAll("tr[data-run]")];

export function mark(root = runs) {
  for (const row of root.querySelectorAll("tr[data-run]")) {
    const on = selected.has(row.dataset.run);
    row.classList.toggle("selected", on);
    row.querySelector("input[name=run]").checked = on;
  }
  const all = runs.querySelector("[data-select-all]");
  if (!all) return;
  const shown = rows();
  const count = shown.filter((row) => selected.has(row.dataset.run)).length;
  all.checked = count > 0 && count === shown.length;
  all.indeterminate = count > 0 && count < shown.length;
}

function tell() {
  mark();
  document.dispatchEvent(new CustomEvent("selection", { detail: [...selected] }));
}

const put = (row, on) => selected[on ? "add" : "delete"](row.dataset.run);

// `between`: from the row that was selected last up to this one.
export function toggle(row, between = false, on = !selected.has(row.dataset.run)) {
  const shown = rows();
  const from = shown.findIndex((other) => other.dataset.run === last);
  const to = shown.indexOf(row);
  const range = between && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
  for (const other of range) put(other, on);
  last = row.dataset.run;
  tell();
}

export function clear() {
  selected.clear();
  tell();
}

runs.addEventListener("click", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const row of rows()) put(row, event.target.checked);
    return tell();
  }
  if (event.target.matches("input[name=run]")) toggle(event.target.closest("tr"), event.shiftKey, event.target.checked);
});
// Shift and a click would mark text.
runs.addEventListener("mousedown", (event) => {
  if (!event.shiftKey || !event.target.closest("tbody tr, thead th")) return;
  event.preventDefault();
  event.target.closest("input, a, button")?.focus();
});
document.addEventListener("rows-added", (event) => mark(event.detail.element));
whenShown(() => tell());
