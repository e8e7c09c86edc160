// The edge of a heading makes its column wider or narrower: drag it, press the arrow keys on it, or click twice for what fits.
// Reads: th[data-column] and col of [data-table]. Writes: width in the URL, class sized of the table.
import { note, query, table, whenShown } from "./table-state.js";
import { placePins } from "./table-pins.js";

const LEAST = 48, MOST = 900;

function set(th, width) {
  const col = table().querySelectorAll("col")[th.cellIndex];
  col.width = String(Math.round(Math.min(Math.max(width, LEAST), MOST)));
  th.closest("table").classList.add("sized"); // what is in a narrow cell is cut
  th.querySelector(".edge").setAttribute("aria-valuenow", col.width);
  placePins(table());
}

function keep(th) {
  const name = th.dataset.column;
  const width = table().querySelectorAll("col")[th.cellIndex].width;
  note({ width: [...query().getAll("width").filter((item) => item.slice(item.indexOf(":") + 1) !== name), `${width}:${name}`] });
}

// As wide as the widest of what is shown.
function fit(th) {
  const cells = [...table().querySelectorAll(`tbody tr > :nth-child(${th.cellIndex + 1})`), th];
  const range = document.createRange();
  set(th, Math.max(...cells.map((cell) => { range.selectNodeContents(cell); return range.getBoundingClientRect().width; })) + 30);
  keep(th);
}

function drag(event) {
  const th = event.target.closest("th");
  const start = event.clientX;
  const width = th.getBoundingClientRect().width;
  const move = (to) => set(th, width + to.clientX - start);
  event.preventDefault();
  event.target.setPointerCapture(event.pointerId);
  event.target.addEventListener("pointermove", move);
  event.target.addEventListener("pointerup", () => {
    event.target.removeEventListener("pointermove", move);
    keep(th);
  }, { once: true });
}

function key(event) {
  const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
  const th = event.target.closest("th");
  if (event.key === "Enter") fit(th);
  else if (by) {
    set(th, th.getBoundingClientRect().width + by);
    keep(th);
  } else return;
  event.preventDefault();
}

whenShown((area) => {
  for (const th of area.querySelectorAll("thead th[data-column]")) {
    const edge = Object.assign(document.createElement("span"), { className: "edge", tabIndex: -1, title: "Drag to make it wider; click twice for what fits" });
    edge.setAttribute("role", "separator");
    edge.setAttribute("aria-orientation", "vertical");
    edge.setAttribute("aria-label", "Width of the column");
    edge.setAttribute("aria-valuenow", area.querySelectorAll("col")[th.cellIndex].width);
    edge.addEventListener("pointerdown", drag);
    edge.addEventListener("dblclick", () => fit(th));
    edge.addEventListener("keydown", key);
    th.append(edge);
  }
});
