// Rows are selected by their box, by Shift and a click for all between, or all shown rows at once; windows that come and go keep it.
// All that match the filter, loaded or not, are selected by select-matching.js: until another choice is made or another table shown.
// Reads: tr[data-run], input[name=run], [data-select-all]. Sends: "selection" to the document, with the run ids.
import { runs, whenShown } from "./table-state.js";

export const selected = new Set();
export const whole = { count: 0 }; // how many match when all of them are selected, else 0
let last = null;

export const count = () => whole.count || selected.size;

const rows = () => [...runs.querySelectorAll("tr[data-run]")];

export function mark(root = runs) {
  for (const row of root.querySelectorAll("tr[data-run]")) {
    const on = whole.count > 0 || selected.has(row.dataset.run);
    row.classList.toggle("selected", on);
    row.querySelector("input[name=run]").checked = on;
  }
  const all = runs.querySelector("[data-select-all]");
  if (!all) return;
  const shown = rows();
  const marked = whole.count ? shown.length : shown.filter((row) => selected.has(row.dataset.run)).length;
  all.checked = marked > 0 && marked === shown.length;
  all.indeterminate = marked > 0 && marked < shown.length;
}

function tell() {
  mark();
  document.dispatchEvent(new CustomEvent("selection", { detail: [...selected] }));
}

export function selectMatching(matching) {
  whole.count = matching;
  tell();
}

const put = (row, on) => selected[on ? "add" : "delete"](row.dataset.run);

// `between`: from the row that was selected last up to this one.
export function toggle(row, between = false, on = !row.classList.contains("selected")) {
  const shown = rows();
  const from = shown.findIndex((other) => other.dataset.run === last);
  const to = shown.indexOf(row);
  const range = between && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
  whole.count = 0;
  for (const other of range) put(other, on);
  last = row.dataset.run;
  tell();
}

export function clear() {
  whole.count = 0;
  selected.clear();
  tell();
}

runs.addEventListener("click", (event) => {
  if (event.target.matches("[data-select-all]")) {
    whole.count = 0;
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
whenShown(() => selectMatching(0));
