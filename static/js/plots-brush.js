// The brushes of the parallel coordinates as fields, from and to for each axis: what the mouse drags can be typed, and is seen.
// Reads: details[data-brush] with [data-brush-list], [data-brush-count], [data-brush-clear]. Imported by plots.js.
import { figure } from "./panel-scales.js";

const menu = document.querySelector("[data-brush]"), one = (name) => menu.querySelector(`[data-brush-${name}]`);
const known = (col) => col.values.filter((value) => value !== null);
const plain = (value) => String(+value.toPrecision(6));

// A word is a place on its axis: a brush of one word has to be seen, and dragged.
const AROUND = 0.4;
const outermost = (col, end) => (end ? Math.max : Math.min)(...known(col));
const said = (col, brush, end) => (col.numeric ? (brush[end] === outermost(col, end) ? "" : plain(brush[end])) : String(end ? Math.floor(brush[1]) : Math.ceil(brush[0])));

function field(col, end) {
  const made = document.createElement(col.numeric ? "input" : "select");
  made.setAttribute("aria-label", `${col.name}: ${end ? "to" : "from"}`);
  made.dataset.end = end;
  if (col.numeric) Object.assign(made, { type: "text", inputMode: "decimal", autocomplete: "off", placeholder: figure(outermost(col, end)) });
  else {
    made.append(new Option("any", ""), ...col.categories.map((text, i) => new Option(text, i)));
  }
  return made;
}

// What the two fields say, in the order of the axis; null: nothing, or no number.
function interval(col, fields) {
  const ends = fields.map(({ value }) => (value.trim() === "" ? null : Number(value)));
  if (ends.every((end) => end === null) || ends.some(Number.isNaN)) return null;
  const [from, to] = [ends[0] ?? outermost(col, 0), ends[1] ?? outermost(col, 1)];
  const around = col.numeric ? 0 : AROUND;
  return [Math.min(from, to) - around, Math.max(from, to) + around];
}

// `tell(id, interval)` is called for what is typed, with null to take a brush away.
export function wireBrush(tell) {
  let columns = [];
  const fieldsOf = (row) => [...row.querySelectorAll("[data-end]")];
  one("list").addEventListener("change", ({ target }) => {
    const row = target.closest("[data-axis]"), col = columns.find(({ id }) => id === row.dataset.axis), fields = fieldsOf(row);
    for (const item of fields) item.setAttribute("aria-invalid", String(col.numeric && item.value.trim() !== "" && Number.isNaN(Number(item.value))));
    tell(col.id, interval(col, fields));
  });
  one("clear").addEventListener("click", () => { for (const { id } of columns) tell(id, null); });

  // The axes that are drawn, and their brushes: id -> [from, to].
  return function show(shown, brushes) {
    one("count").textContent = Object.keys(brushes).length || "";
    if (shown.map(({ id }) => id).join() !== columns.map(({ id }) => id).join()) {
      one("list").replaceChildren(...shown.map((col) => {
        const row = Object.assign(document.createElement("div"), { className: "brush" });
        row.dataset.axis = col.id;
        row.append(Object.assign(document.createElement("bdi"), { textContent: col.name, title: col.name }), field(col, 0), field(col, 1));
        return row;
      }));
    }
    columns = shown;
    for (const row of one("list").children) {
      const brush = brushes[row.dataset.axis], col = columns.find(({ id }) => id === row.dataset.axis);
      fieldsOf(row).forEach((item, end) => {
        if (item === document.activeElement) return;
        item.value = brush ? said(col, brush, end) : "";
      });
    }
  };
}
