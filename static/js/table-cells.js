// A click on a cell offers what can be done with its value: filter by it, exclude it, copy it, edit it; on a name, what can be done with the run.
// Reads: td of tr[data-run], th[data-column][data-clause], [data-eye]'s swatch.
import { editCell, editable } from "./table-edit.js";
import { addCondition } from "./filter-chips.js";
import { changeRuns } from "./change-runs.js";
import { openPopover } from "./popover.js";
import { parts } from "./column-order.js";
import { isPinned, pin, setHidden } from "./table-marks.js";
import { runs, table } from "./table-state.js";
import { sayToast } from "./say-toast.js";

const heading = (cell) => table().querySelectorAll("thead th")[cell.cellIndex];

export function valueOf(cell) {
  const time = cell.querySelector("time");
  if (time) return String(Date.parse(time.dateTime));
  if (cell.classList.contains("none") || cell.querySelector("[aria-label=none]")) return null;
  return cell.title || cell.textContent.trim();
}

const quote = (text) => `'${text.replaceAll("'", "''")}'`;

// The condition that a value fits, and its contrary; none for what cannot be compared by equality.
function conditions(cell) {
  const { column, clause } = heading(cell).dataset;
  const { kind, name } = parts(column);
  const value = valueOf(cell);
  if (name === "duration" || name === "experiment_id") return null;
  if (value === null) return [`${clause} IS NULL`, `${clause} IS NOT NULL`];
  if (kind === "metrics") return /^-?[\d.]+(e[+-]?\d+)?$/i.test(value) ? [`${clause} = ${value}`, `${clause} != ${value}`, `${clause} >= ${value}`, `${clause} <= ${value}`] : null;
  if (name === "start_time" || name === "end_time") return [`${clause} >= ${value}`, `${clause} < ${value}`];
  const text = name === "status" ? value.toUpperCase() : value;
  return [`${clause} = ${quote(text)}`, `${clause} != ${quote(text)}`];
}

async function copy(text) {
  await navigator.clipboard.writeText(text).then(() => sayToast("Copied."), () => sayToast("This browser does not let the page copy.", { bad: true }));
}

function ofCell(cell) {
  const found = conditions(cell);
  const value = valueOf(cell);
  const { column } = heading(cell).dataset;
  const words = column.endsWith("_time") ? ["Since then", "Before then"] : ["Filter by this", "Exclude this", "At least this", "At most this"];
  return [
    ...(found ?? []).map((condition, i) => ({ label: words[i], act: () => addCondition(condition) })),
    value !== null && { label: "Copy", act: () => copy(value) },
    editable(column) && { label: "Edit", act: () => editCell(cell) },
  ];
}

function ofRun(row, link) {
  const id = row.dataset.run;
  const hidden = row.classList.contains("eyed");
  return [
    { label: "Open", act: () => link.click() },
    { label: "Rename", act: () => editCell(row.cells[0]) },
    { label: isPinned(id) ? "Unpin" : "Pin to the top", act: () => pin(id, !isPinned(id)) },
    { label: hidden ? "Show in charts" : "Hide in charts", act: () => setHidden([id], !hidden) },
    { label: "Copy the name", act: () => copy(link.title) },
    { label: "Copy the run id", act: () => copy(id) },
    { head: "Colour" },
    ...Array.from({ length: 12 }, (_, i) => ({ label: `Colour ${i + 1}`, look: `colour run-${i + 1}`, checked: Number(row.dataset.look) === i + 1, act: () => changeRuns([{ run_id: id, colour: i + 1 }]) })),
  ];
}

function offer(cell) {
  const row = cell.closest("tr[data-run]");
  const link = cell.matches("th") && cell.querySelector("a");
  cell.tabIndex = -1;
  openPopover(cell, link ? ofRun(row, link) : ofCell(cell), link ? "Run" : "Value");
}

runs.addEventListener("click", (event) => {
  const cell = event.target.closest("tr[data-run] > *");
  if (!cell || event.target.closest("a, button, input") || !getSelection().isCollapsed || !heading(cell)?.dataset.column) return;
  offer(cell);
});
runs.addEventListener("contextmenu", (event) => {
  const cell = event.target.closest("tr[data-run] > *");
  if (!cell || !heading(cell)?.dataset.column || event.target.closest("input")) return;
  event.preventDefault();
  offer(cell);
});
runs.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (!row) return;
  const cell = event.target.closest("th, td");
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && !event.target.matches("input[type=text]")) {
    const to = row.cells[cell.cellIndex + by];
    if (!to || !heading(to)?.dataset.column) return;
    event.preventDefault();
    to.tabIndex = -1;
    to.focus();
  } else if ((event.key === "Enter" && event.target === cell) || event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
    event.preventDefault();
    offer(cell);
  }
});
