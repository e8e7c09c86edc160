// The names of metrics that charts are made of: the most frequent ones, and on search those that the server finds.
// Reads: nothing. Expects {runs()} and what to call when more names are known.
import { pattern } from "./charts-sections.js";
import { findNames, loadNames } from "./panel-data.js";

const WAIT = 200; // ms without a key
const NONE = { metrics: [], params: [], tags: [], total: 0 };

// What every match of the regular expression must hold; nothing where that cannot be told.
export function required(text) {
  if (!pattern(text)) return [text]; // is looked for as it stands
  if (/[|()]|\\[xucpk]/i.test(text)) return [];
  const signs = [/\\./gu, /\[[^\]]*\]/gu, /.\{[^}]*\}\??/gu, /.[*?]\??/gu, /[+.^$]/gu];
  return signs.reduce((rest, sign) => rest.replace(sign, "\0"), text).split("\0").filter(Boolean).slice(0, 16).map((word) => word.slice(0, 500));
}

export class Names {
  constructor(runs, tell) { Object.assign(this, NONE, { runs, tell, found: null, failed: false }); }

  get partial() { return this.total > this.metrics.length; }

  async load() {
    const runs = this.runs();
    this.failed = false;
    this.found = this.sought = null; // were of other runs
    try { Object.assign(this, runs.length ? await loadNames(runs) : NONE); } catch (error) { this.failed = error; }
  }

  // {metrics, total, waiting}: of what is known now. `tell` is called when a search has found more.
  of(search) {
    if (!search || !this.partial) return this;
    if (this.found?.search === search) return this.found;
    this.find(search);
    return { metrics: this.found?.metrics.length ? [...new Set([...this.metrics, ...this.found.metrics])] : this.metrics, total: this.total, waiting: true };
  }

  find(search) {
    if (this.sought === search) return;
    this.sought = search;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      let found = { metrics: [], total: 0, failed: true };
      try { found = await findNames(this.runs(), required(search)); } catch { /* said beside the field */ }
      if (this.sought !== search) return; // another text stands there by now
      this.sought = null;
      this.found = { ...found, search };
      this.tell();
    }, WAIT);
  }
}
