// One panel: asks for its lines when it comes into view, draws them, and asks again on zoom.
// Reads: template#chart-panel. Expects a pane: {settings, asked(), runOf(id), zoomed(range), following(panel, x), panelChanged()}.
import { offerPanel } from "./charts-again.js";
import { askedBy, settingsOf, standsApart } from "./panel-axis.js";
import { noun } from "./charts-noun.js";
import { loadPanel } from "./panel-data.js";
import { library } from "./panel-library.js";
import { noteOf, shownOf, singleOf } from "./panel-lines.js";
import { Plot } from "./panel-plot.js";
import { point } from "./panel-runs.js";
import { figure, place } from "./panel-scales.js";
import { Tooltip } from "./panel-tooltip.js";

export class Panel {
  constructor(pane, key) {
    Object.assign(this, { pane, key, plot: null, data: null, yRange: null, stale: true, inView: false, apart: null });
    this.element = document.getElementById("chart-panel").content.firstElementChild.cloneNode(true);
    this.element.dataset.key = key;
    this.element.setAttribute("aria-label", `Chart of ${key}`);
    const name = Object.assign(this.element.querySelector(".name"), { title: key });
    name.querySelector("bdi").textContent = key;
    this.area = this.element.querySelector(".plot");
    this.readout = this.element.querySelector(".readout");
    this.tooltip = new Tooltip(this.element);
    this.area.addEventListener("click", () => this.tooltip.toggle());
    this.sizes = new ResizeObserver(() => this.plot && this.area.clientWidth && this.plot.resize());
    this.sizes.observe(this.area);
  }

  seen(inView) {
    this.inView = inView;
    if (inView && this.stale) this.load();
  }

  refresh() {
    this.stale = true;
    if (!this.apart?.zoom) this.apart = null;
    if (this.inView) this.load();
  }

  async load(live = false) {
    const asked = askedBy(this, live), began = performance.now(), before = this.abort, { signal } = (this.abort = new AbortController());
    before?.abort();
    this.stale = false;
    if (!this.plot) this.area.classList.add("waiting");
    try {
      if (!asked[noun.asked].length && !asked.table) return this.say(`No ${noun.one} is shown. Show one in the table to draw it.`);
      const [found] = await Promise.all([loadPanel(asked, signal), library()]), ended = performance.now();
      signal.throwIfAborted();
      Object.assign(this, { ended, took: ended - began, data: found ?? this.data });
      if (found && standsApart(this)) this.load(); else if (found) this.draw();
    } catch (error) {
      if (signal.aborted || (live && this.plot)) return undefined; // what is drawn stays; the next turn asks again
      offerPanel(this, error);
    }
    return undefined;
  }

  // From what was loaded: after a change of how it is shown.
  draw() {
    if (!this.data) return undefined;
    const shown = shownOf(this.data, this.pane, settingsOf(this), this.yRange);
    if (shown.nothing) return this.say(shown.nothing);
    const single = singleOf(shown);
    if (single && this.pane.runs.size === 1) return this.say(figure(single.y[0]), place(shown.axis, single.x[0]));
    this.area.classList.remove("waiting");
    this.plot?.destroy();
    this.plot = new Plot(this.area, shown, { zoomed: (x, y) => this.zoom(x, y), cursor: (x, top) => this.#cursor(x, top) });
    this.plot.point(this.pane.pointed);
    this.readout.textContent = this.readout.title = this.note = noteOf(this.data, shown);
    this.pane.panelChanged(this);
    return undefined;
  }

  say(text, beside = "") {
    this.plot?.destroy();
    this.plot = null;
    this.area.classList.remove("waiting");
    this.area.replaceChildren(Object.assign(document.createElement("p"), { className: beside ? "said single" : "said", textContent: text }));
    this.readout.textContent = beside;
    this.tooltip.unpin();
  }

  sized(wide, tall) { Object.assign(this.element.dataset, { wide, tall }); }

  drop() { this.abort?.abort(); this.sizes.disconnect(); this.plot?.destroy(); }

  zoom(x, y) {
    this.yRange = y;
    // At once with what is here; the answer of the server makes it sharp.
    if (this.apart) { this.apart.zoom = x; this.pane.toolbar.show(); this.refresh(); this.draw(); } else this.pane.zoomed(x);
  }

  #cursor(x, top) {
    if (!this.apart) this.pane.following(this, x);
    if (x === null) { this.tooltip.hide(); point(null); return; }
    const id = this.tooltip.show(this.plot.shown, x, top, this.plot);
    if (!this.tooltip.pinned) point(id);
  }
}
