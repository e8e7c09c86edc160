// Each heading has a menu (sort, which value, pin, move, hide, group) and can be dragged to another place.
// Reads: th[data-column][data-clause] of [data-table].
import * as order from "./column-order.js";
import { openPopover } from "./popover.js";
import { sayToast } from "./say-toast.js";
import { columns, go, query, runs, table, whenShown } from "./table-state.js";

const VALUES = [["last", "Last value"], ["min", "Least value"], ["max", "Largest value"], ["best", "Best value"]];

function items(th) {
  const { column, clause } = th.dataset;
  const { of, kind } = order.parts(column);
  const name = column === "attributes.run_name";
  const list = columns();
  const pinned = order.pins().includes(column);
  const then = (act) => () => Promise.resolve(act()).then(() => focus(column));
  return [
    column !== "attributes.experiment_id" && { label: "Sort ascending", act: then(() => go({ order: `${clause} ASC` })) },
    column !== "attributes.experiment_id" && { label: "Sort descending", act: then(() => go({ order: `${clause} DESC` })) },
    kind === "metrics" && { head: "Show of each run" },
    ...(kind === "metrics" ? VALUES.map(([value, label]) => ({ label, checked: (of || "last") === value, act: () => order.turnInto(column, value) })) : []),
    !name && { head: "Column" },
    !name && { label: pinned ? "Unpin" : "Pin", act: then(() => order.pin(column, !pinned)) },
    !name && list.indexOf(column) > 0 && { label: "Move left", act: then(() => order.shift(column, -1)) },
    !name && list.indexOf(column) < list.length - 1 && { label: "Move right", act: then(() => order.shift(column, 1)) },
    { label: "Set the width", act: () => th.querySelector(".edge").focus() },
    !name && { label: "Hide", act: () => hide(column, th) },
    (kind === "params" || kind === "tags") && { label: "Group by this", act: () => go({ group: [...query().getAll("group"), column] }) },
  ];
}

function hide(column, th) {
  const before = location.href, next = columns()[columns().indexOf(column) + 1] ?? columns().at(-2);
  Promise.resolve(order.hide(column)).then(() => focus(next));
  sayToast(`Column ${nameOf(th)} hidden.`, { undo: () => go({}, before) });
}

const nameOf = (th) => (th.querySelector("bdi") ?? th.querySelector("a"))?.textContent ?? "the column";
const focus = (column) => runs.querySelector(`th[data-column="${CSS.escape(column)}"] .more`)?.focus();

// A column is dropped before the one that it is held over, behind it on its right half.
function target(event) {
  const th = event.target.closest?.("thead th[data-column]");
  if (!th || th.cellIndex === 0) return null;
  const box = th.getBoundingClientRect();
  return { th, behind: event.clientX > box.left + box.width / 2 };
}

function unmark() {
  for (const th of runs.querySelectorAll("th.drop-before, th.drop-behind")) th.classList.remove("drop-before", "drop-behind");
}

let dragged = null;
runs.addEventListener("dragstart", (event) => {
  const th = event.target.closest("thead th[draggable=true]");
  if (!th) return;
  dragged = th.dataset.column;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged);
});
runs.addEventListener("dragover", (event) => {
  const at = dragged && target(event);
  unmark();
  if (!at) return;
  event.preventDefault();
  at.th.classList.add(at.behind ? "drop-behind" : "drop-before");
});
runs.addEventListener("drop", (event) => {
  const at = dragged && target(event);
  if (!at || at.th.dataset.column === dragged) return;
  event.preventDefault();
  const list = columns().filter((id) => id !== dragged);
  const place = list.indexOf(at.th.dataset.column) + (at.behind ? 1 : 0);
  order.move(dragged, list[place] ?? null);
});
runs.addEventListener("dragend", () => { dragged = null; unmark(); });

runs.addEventListener("click", (event) => {
  const button = event.target.closest("th .more");
  if (button) openPopover(button, items(button.closest("th")), "Column");
});
runs.addEventListener("contextmenu", (event) => {
  const th = event.target.closest("thead th[data-column]");
  if (!th) return;
  event.preventDefault();
  openPopover(th.querySelector(".more"), items(th), "Column");
});

whenShown(() => {
  for (const th of table().querySelectorAll("thead th[data-column]")) {
    th.draggable = th.cellIndex > 0;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "more", title: "Column menu" });
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-label", `Menu of ${nameOf(th)}`);
    th.querySelector(".heading").append(button);
  }
});
