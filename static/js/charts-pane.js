// The charts of the shown runs: sections of panels that share their settings, their zoom and the run that is pointed at.
// Reads: [data-charts-pane] with [data-sections]; what charts-settings.js, charts-shelf.js and panel-runs.js read.
import { shaped } from "./charts-again.js";
import { askedOf, differs } from "./charts-asked.js";
import { wireArranging } from "./panel-arrange.js";
import { addressOf, fromPage as settingsOfPage } from "./charts-settings.js";
import { wireMenus } from "./panel-menu.js";
import { showLegend } from "./group-legend.js";
import { Names } from "./charts-names.js";
import { noun } from "./charts-noun.js";
import { followTable } from "./charts-grouped.js";
import { wireRedrawing } from "./charts-redrawn.js";
import { wireLive } from "./charts-live.js";
import { SECTIONS } from "./charts-sections.js";
import { shelve, turn, uncover } from "./charts-shelf.js";
import { wireToolbar } from "./charts-toolbar.js";
import { Panel } from "./panel.js";
import { wireReading } from "./panel-reading.js";
import { fromPage as runsOfPage, onPoint, onRuns } from "./panel-runs.js";

const RUNS = 1000, ZOOM_WAIT = 120;

class Pane {
  constructor(element) {
    Object.assign(this, { element, settings: settingsOfPage(), runs: new Map(), panels: new Map(), pages: new Map(), listed: SECTIONS, shelf: new Map(), turned: "", pointed: null, before: { [noun.asked]: [] } });
    this.names = new Names(() => [...this.runs.keys()], () => { this.toolbar.show(); this.arrange(); });
    this.sections = element.querySelector("[data-sections]");
    this.watcher = new IntersectionObserver((entries) => { for (const { target, isIntersecting } of entries) this.panels.get(target.dataset.key)?.seen(isIntersecting); }, { rootMargin: "200px" });
    this.toolbar = wireToolbar(this);
    for (const wire of [wireMenus, wireArranging, wireReading, wireRedrawing]) wire(this);
    onRuns((runs) => this.show(runs));
    onPoint((id) => { this.pointed = id; for (const panel of this.panels.values()) panel.plot?.point(id); });
    document.addEventListener("layout", () => this.latest && this.show(this.latest));
    for (const name of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) document.addEventListener(name, () => this.keep());
    addEventListener("popstate", () => { this.settings = settingsOfPage(); this.toolbar.show(); this.arrange(); this.refresh(); });
    wireLive(this);
    followTable(this);
    this.show(runsOfPage());
  }

  runOf(id) { return this.runs.get(id); }

  async show(runs) {
    this.latest = runs;
    if (!this.element.checkVisibility()) return; // asked for when the layout shows the charts
    const before = this.before;
    this.runs = new Map(runs.slice(0, RUNS).map((run) => [run.id, run]));
    this.keep();
    if (!differs(before, (this.before = this.asked()))) { this.redraw(); return; }
    await shaped(this.sections, this.names.load());
    this.toolbar.show();
    this.arrange();
    this.refresh();
  }

  asked() { return askedOf(this); }

  // Settings that change what is asked, how it is drawn, or which panels there are.
  change(changes, { ask = false, arrange = false } = {}) {
    Object.assign(this.settings, changes);
    this.keep();
    this.toolbar.show();
    if (arrange) this.arrange();
    if (ask) this.refresh(); else this.redraw();
  }

  keep() {
    const address = addressOf(this.settings);
    if (address !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", address);
  }

  known() { return this.names.of(this.settings.search); }
  arrange() { this.toolbar.say(shelve(this, Panel)); }

  reveal(key) {
    uncover(this, key);
    this.arrange();
    this.panels.get(key)?.element.scrollIntoView({ block: "center" });
  }

  turn(name, open) { turn(this, name, open); }
  refresh() { for (const panel of this.panels.values()) panel.refresh(); }
  redraw() { showLegend(this); for (const panel of this.panels.values()) panel.draw(); }

  // The server is asked before anything else, then what is here is drawn larger; the rest can wait.
  zoomed(range) {
    this.settings.zoom = range;
    clearTimeout(this.waiting);
    if (range) this.refresh(); else this.waiting = setTimeout(() => this.refresh(), ZOOM_WAIT);
    this.redraw();
    this.keep();
    this.toolbar.show();
  }

  following(panel, x) { for (const other of this.panels.values()) if (other !== panel && other.inView && other.apart?.x === panel.apart?.x) other.plot?.follow(x); }
  panelChanged(panel) { showLegend(this); panel.element.dispatchEvent(new CustomEvent("panel-drawn", { bubbles: true })); }
}

for (const element of document.querySelectorAll("[data-charts-pane]")) new Pane(element);
