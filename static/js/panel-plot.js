// One chart: axes, grid, cursor and zoom by uPlot; the lines on two canvases above its grid, the pointed one above the others.
// Reads: uPlot (vendor/uplot.min.js), the CSS colours of the page.
import { draw } from "./panel-drawing.js";
import { rightRoom } from "./panel-fit.js";
import { scale } from "./panel-scales.js";
import { axesOf } from "./panel-ticks.js";

const SELECTED = 4; // pixels: less is a click

export class Plot {
  // `tell`: {zoomed(range or null, yRange), cursor(x or null, top), clicked()}.
  constructor(element, shown, tell) {
    this.element = element;
    this.shown = shown; // {lines, axis, first, last, yRange, logX, logY, xTitle}
    this.tell = tell;
    this.pointed = null;
    this.canvases = ["lines", "top"].map((className) => Object.assign(document.createElement("canvas"), { className }));
    element.replaceChildren();
    this.uplot = new uPlot(this.#options(), [[shown.first, shown.last], shown.yRange], element);
    this.uplot.under.append(...this.canvases); // painted when the grid is, before the next frame
  }

  #options() {
    const { shown } = this;
    return {
      width: this.element.clientWidth, height: this.element.clientHeight, ms: 1, padding: [8, (plot) => rightRoom(plot, this.shown), 0, 0], legend: { show: false },
      series: [{}, { paths: () => null, points: { show: false } }],
      scales: {
        x: { time: shown.axis === "time", distr: shown.logX ? 3 : 1, range: () => [this.shown.first, this.shown.last] },
        y: { distr: shown.logY ? 3 : 1, range: () => this.shown.yRange },
      },
      axes: axesOf(shown),
      cursor: { y: false, points: { show: false }, drag: { x: true, y: true, uni: 24, setScale: false }, bind: { dblclick: () => () => this.tell.zoomed(null, null) } },
      hooks: { draw: [() => this.#paint()], setSelect: [() => this.#selected()], setCursor: [() => this.#moved()] },
    };
  }

  view(ratio = devicePixelRatio) {
    const { first, last, yRange, logX, logY } = this.shown, { bbox } = this.uplot;
    const width = (bbox.width / devicePixelRatio) * ratio, height = (bbox.height / devicePixelRatio) * ratio;
    return { first, last, sx: scale(first, last, 0, width, logX), sy: scale(yRange[0], yRange[1], height, 0, logY), width, height, ratio };
  }

  #paint() {
    if (!this.uplot) return; // while it is made
    const view = this.view(), { lines } = this.shown;
    for (const canvas of this.canvases) Object.assign(canvas, { width: view.width, height: view.height });
    const context = this.canvases[0].getContext("2d");
    for (const line of lines) draw(context, line, view, { many: lines.length, thick: line.pinned && lines.length > 1 });
    this.#highlight(true);
  }

  point(id) {
    if (id !== this.pointed) { this.pointed = id; this.#highlight(); }
  }

  #highlight(fresh = false) {
    const [lines, top] = this.canvases, context = top.getContext("2d");
    if (!fresh) context.clearRect(0, 0, top.width, top.height); // on paper what was cleared is white, and hides the lines
    const line = this.pointed && this.shown.lines.find((one) => one.id === this.pointed || one.members?.includes(this.pointed));
    lines.classList.toggle("dimmed", Boolean(this.pointed) && this.shown.lines.length > 1);
    if (line) draw(context, line, this.view(), { many: this.shown.lines.length, thick: this.shown.lines.length > 1 });
  }

  #selected() {
    const { left, top, width, height } = this.uplot.select;
    if (width < SELECTED && height < SELECTED) return;
    this.uplot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const at = (pixel, name) => this.uplot.posToVal(pixel, name);
    const whole = { x: width >= this.uplot.over.clientWidth - 1, y: height >= this.uplot.over.clientHeight - 1 };
    this.tell.zoomed(whole.x ? null : [at(left, "x"), at(left + width, "x")], whole.y ? null : [at(top + height, "y"), at(top, "y")]);
  }

  #moved() {
    if (this.following) return;
    const { left, top } = this.uplot.cursor;
    this.tell.cursor(left >= 0 ? this.uplot.posToVal(left, "x") : null, top);
  }

  // The cursor of another chart stands at `x`.
  follow(x) {
    this.following = true;
    const inside = x !== null && x >= this.shown.first && x <= this.shown.last;
    this.uplot.setCursor({ left: inside ? this.uplot.valToPos(x, "x") : -10, top: inside ? 0 : -10 }, false);
    this.following = false;
  }

  resize() { this.uplot.setSize({ width: this.element.clientWidth, height: this.element.clientHeight }); }
  destroy() { this.uplot.destroy(); }
}
