// What lies under the cursor of a chart: the nearest runs, by value. A click pins it; Escape and another click let it go.
// Reads: data-prefix of the page. Makes: div.chart-tooltip inside the panel.
import { noun } from "./charts-noun.js";
import { number } from "./charts-pages.js";
import { partAt } from "./panel-data.js";
import { figure, place } from "./panel-scales.js";
import { lookClasses } from "./run-looks.js";

const ROWS = 10, NEAR = 40; // runs shown; pixels within which one is pointed at

// The lines with a value at `x`, nearest to the height `top` first: [{line, value, low, high, away}].
export function nearest(lines, x, top, sy) {
  const found = [];
  for (const line of lines) {
    const i = partAt(line, x);
    if (i < 0 || (i === line.x.length - 1 && x > line.x[i] && line.x.length > 1 && x - line.x[i] > line.x[i] - line.x[i - 1])) continue;
    const at = i + 1 < line.x.length && x - line.x[i] > line.x[i + 1] - x && line.exact ? i + 1 : i; // of points the nearer one
    const value = (line.smooth ?? line.y)[at];
    if (Number.isNaN(value)) continue;
    found.push({ line, at, value, x: line.x[at], low: line.low[at], high: line.high[at], away: Math.abs(sy(value) - top) });
  }
  return found.sort((one, other) => one.away - other.away);
}

// Of lines that are one point each, those around the cursor.
function dotsAround(lines, x, top, { sx, sy }) {
  const found = [];
  for (const line of lines) {
    const value = line.y[0], aside = Math.abs(sx(line.x[0]) - sx(x)), away = Math.hypot(aside, sy(value) - top);
    if (away <= NEAR || aside < 5) found.push({ line, at: 0, value, x: line.x[0], low: line.low[0], high: line.high[0], away }); // NaN is never near
  }
  return found.filter(({ value }) => !Number.isNaN(value)).sort((one, other) => one.away - other.away);
}

// Of a group how many of its runs have a value there: some may have ended before, or have NaN.
function membersAt({ measured, runs, odd }, at) {
  const here = `${number(runs[at])}${runs[at] < measured ? ` of ${number(measured)}` : ""} ${measured === 1 ? noun.one : noun.many}`;
  return odd[at] ? `${here}, ${number(odd[at])} with NaN or ∞` : here;
}

function row({ line, at, value, low, high }, strong) {
  const item = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  const swatch = Object.assign(document.createElement("i"), { className: `swatch ${lookClasses(line.look)}` });
  const text = document.createElement(line.members ? "span" : "a");
  if (!line.members) text.href = `${document.documentElement.dataset.prefix || ""}${noun.path}${line.id}`;
  text.append(Object.assign(document.createElement("bdi"), { textContent: line.name || line.id }));
  name.append(swatch, text);
  const cell = Object.assign(document.createElement("td"), { className: "number", textContent: figure(value) });
  cell.title = String(value);
  const range = Object.assign(document.createElement("td"), { className: "number quiet" });
  range.textContent = [low < high && `${figure(low)} – ${figure(high)}`, line.members && membersAt(line, at)].filter(Boolean).join(", ");
  item.append(name, cell, range);
  item.classList.toggle("strong", strong);
  return item;
}

export class Tooltip {
  constructor(panel) {
    this.panel = panel;
    this.pinned = false;
    this.element = Object.assign(document.createElement("div"), { className: "chart-tooltip", hidden: true });
    panel.append(this.element);
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.pinned) { event.stopPropagation(); event.preventDefault(); this.unpin(); } });
  }

  // Gives the id of the run that is pointed at, or null.
  show(shown, x, top, plot) {
    if (this.pinned) return null;
    const view = plot.view(1), found = shown.dotted ? dotsAround(shown.lines, x, top, view) : nearest(shown.lines, x, top, view.sy);
    if (!found.length) { this.hide(); return null; }
    const [closest] = found, best = closest.away <= NEAR ? closest.line : null;
    const listed = found.slice(0, ROWS).sort((one, other) => other.value - one.value);
    const table = document.createElement("table");
    table.createCaption().textContent = place(shown.axis, closest.x);
    const body = table.createTBody();
    body.append(...listed.map((item) => row(item, item.line === best)));
    const more = found.length > ROWS ? [Object.assign(document.createElement("p"), { className: "quiet", textContent: `and ${found.length - ROWS} more` })] : [];
    this.element.replaceChildren(table, ...more);
    this.element.hidden = false;
    const { over } = plot.uplot, left = over.offsetLeft + view.sx(x), wide = this.panel.clientWidth;
    const room = this.element.offsetWidth, beside = left + 16 + room <= wide ? left + 16 : left - 16 - room;
    this.element.style.left = `${Math.max(0, Math.min(beside, wide - room))}px`;
    const area = over.getBoundingClientRect(), panel = this.panel.getBoundingClientRect();
    this.element.style.top = `${area.top - panel.top + Math.max(0, Math.min(top, area.height - this.element.offsetHeight))}px`;
    return best ? best.id : null;
  }

  toggle() { if (this.pinned) this.unpin(); else if (!this.element.hidden) { this.pinned = true; this.element.classList.add("pinned"); } }

  unpin() { this.pinned = false; this.element.classList.remove("pinned"); this.hide(); }

  hide() { if (!this.pinned) this.element.hidden = true; }
}
