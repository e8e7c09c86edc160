// Rows are selected by their box, by Shift and a click for all between, or all shown rows at once; windows that come and go keep it.
// All that match the filter, loaded or not, are selected by select-matching.js: until another choice is made or another table shown.
// Reads: tr[data-run], input[name=run], [data-select-all]. Sends: "selection" to the document, with the run ids.
import { runs, whenShown } from "./table-state.js";
import { loadedIds } from "./windows-stored.js";

export const selected = new Set();
export const whole = { count: 0 }; // how many match when all of them are selected, else 0
let last = null;

export const count = () => whole.count || selected.size;

export function mark(root = runs) {
  for (const row of root.querySelectorAll("tr[data-run]")) {
    const on = whole.count > 0 || selected.has(row.dataset.run);
    row.classList.toggle("selected", on);
    row.querySelector("input[name=run]").checked = on;
  }
  const all = runs.querySelector("[data-select-all]");
  if (!all) return;
  const loaded = loadedIds();
  const marked = whole.count ? loaded.length : loaded.filter((id) => selected.has(id)).length;
  all.checked = marked > 0 && marked === loaded.length;
  all.indeterminate = marked > 0 && marked < loaded.length;
}

function tell() {
  mark();
  document.dispatchEvent(new CustomEvent("selection", { detail: [...selected] }));
}

export function selectMatching(matching) {
  whole.count = matching;
  tell();
}

const put = (id, on) => selected[on ? "add" : "delete"](id);

// `between`: from the row that was selected last up to this one, also where rows between them are not in the page at the moment.
export function toggle(row, between = false, on = !row.classList.contains("selected")) {
  const loaded = loadedIds();
  const from = loaded.lastIndexOf(last), to = loaded.lastIndexOf(row.dataset.run);
  const range = between && from >= 0 ? loaded.slice(Math.min(from, to), Math.max(from, to) + 1) : [row.dataset.run];
  whole.count = 0;
  for (const id of range) put(id, on);
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
    for (const id of loadedIds()) put(id, event.target.checked);
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
