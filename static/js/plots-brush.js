// The brushes of the parallel coordinates as fields, from and to for each axis: what the mouse drags can be typed, and is seen.
// Reads: details[data-brush] with [data-brush-list], [data-brush-count], [data-brush-clear]. Imported by plots-shown.js.
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

function line(col) {
  const row = Object.assign(document.createElement("div"), { className: "brush" });
  row.dataset.axis = col.id;
  row.append(Object.assign(document.createElement("bdi"), { textContent: col.name, title: col.name }), field(col, 0), field(col, 1));
  return row;
}

// What the two fields say, in the order of the axis; null: nothing, or no number.
function interval(col, fields) {
  const ends = fields.map(({ value }) => (value.trim() === "" ? null : Number(value)));
  if (ends.every((end) => end === null) || ends.some(Number.isNaN)) return null;
  const [from, to] = [ends[0] ?? outermost(col, 0), ends[1] ?? outermost(col, 1)];
  const around = col.numeric ? 0 : AROUND;
  return [Math.min(from, to) - around, Math.max(from, to) + around];
}

// The chart's own brushes are the truth: the mouse makes them, and what is typed is given to it. `tell` gets them as texts, such as
// params.lr=0.1..0.3, when they change.
export function wireBrush(chart, tell) {
  let columns = [];
  const fieldsOf = (row) => [...row.querySelectorAll("[data-end]")];
  const brush = (id, area) => chart()?.dispatchAction({ type: "axisAreaSelect", parallelAxisIndex: columns.findIndex((axis) => axis.id === id), intervals: area ? [area] : [] });
  const drawn = () => Object.fromEntries(columns.flatMap(({ id }, i) => {
    const [area] = chart().getModel().getComponent("parallelAxis", i)?.activeIntervals ?? [];
    return area ? [[id, [Math.min(...area), Math.max(...area)]]] : [];
  }));

  function fill(areas) {
    one("count").textContent = Object.keys(areas).length || "";
    for (const row of one("list").children) {
      const area = areas[row.dataset.axis], col = columns.find(({ id }) => id === row.dataset.axis);
      fieldsOf(row).forEach((item, end) => { if (item !== document.activeElement) item.value = area ? said(col, area, end) : ""; });
    }
  }

  one("list").addEventListener("change", ({ target }) => {
    const row = target.closest("[data-axis]"), col = columns.find(({ id }) => id === row.dataset.axis), fields = fieldsOf(row);
    for (const item of fields) item.setAttribute("aria-invalid", String(col.numeric && item.value.trim() !== "" && Number.isNaN(Number(item.value))));
    brush(col.id, interval(col, fields));
  });
  one("clear").addEventListener("click", () => { for (const { id } of columns) brush(id, null); });

  return {
    follow() {
      const areas = drawn();
      fill(areas);
      tell(Object.entries(areas).map(([id, ends]) => `${id}=${ends.join("..")}`));
    },
    // `shown`: the axes that are drawn now; `texts`: what is brushed on them.
    show(shown, texts) {
      columns = shown;
      one("list").replaceChildren(...shown.map(line));
      fill({});
      for (const { id } of shown) {
        const ends = texts.find((text) => text.startsWith(`${id}=`))?.slice(id.length + 1).split("..").map(Number);
        if (ends?.length === 2 && ends.every(Number.isFinite)) brush(id, ends);
      }
    },
  };
}
