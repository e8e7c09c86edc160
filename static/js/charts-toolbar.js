// The controls above the charts: axes, smoothing, grouping, search, zoom, panels to add.
// Reads: [data-set] fields of the pane (by setting), [data-reset], [data-add], [data-all-panels], [data-choices], [data-said].
import { offerAgain } from "./charts-again.js";
import { noun } from "./charts-noun.js";
import { groupOfTable } from "./charts-grouped.js";
import { number } from "./charts-pages.js";
import { pattern } from "./charts-sections.js";
import { findNames } from "./panel-data.js";

const OFFERED = 300, ASK = new Set(["x", "logX", "group"]), ARRANGE = new Set(["search"]);

const value = (field) => (field.type === "checkbox" ? field.checked : field.type === "range" ? Number(field.value) : field.value);

function options(select, groups, chosen) {
  const shown = JSON.stringify([groups, chosen]);
  if (select.dataset.shown === shown) return;
  select.dataset.shown = shown;
  for (const old of select.querySelectorAll("optgroup, [data-lost]")) old.remove();
  for (const [label, prefix, names] of groups) {
    if (!names.length) continue;
    const group = Object.assign(document.createElement("optgroup"), { label });
    group.append(...names.map((name) => new Option(name, prefix + name)));
    select.append(group);
  }
  if (chosen && ![...select.options].some((option) => option.value === chosen)) {
    const option = new Option(chosen.slice(chosen.indexOf(".") + 1), chosen);
    option.dataset.lost = "";
    select.append(option);
  }
}

export function wireToolbar(pane) {
  const { element } = pane, fields = [...element.querySelectorAll("[data-set]")], one = (selector) => element.querySelector(selector);
  for (const field of fields) {
    const { set: name } = field.dataset;
    field.addEventListener(field.type === "search" || field.type === "range" ? "input" : "change", () => {
      const changes = { [name]: value(field), ...(name === "x" || name === "logX" ? { zoom: null } : {}) };
      if (name === "group") changes.apart = !changes.group && groupOfTable() !== "";
      if (name === "logY" || name === "x" || name === "clip") for (const panel of pane.panels.values()) panel.yRange = null;
      pane.change(changes, { ask: ASK.has(name) || (pane.settings.zoom && name === "smooth"), arrange: ARRANGE.has(name) });
    });
  }
  one("[data-reset]").addEventListener("click", () => { for (const panel of pane.panels.values()) Object.assign(panel, { yRange: null, apart: null }); pane.zoomed(null); });
  one("[data-all-panels]").addEventListener("click", () => pane.change({ only: "" }, { arrange: true }));
  const add = one("[data-add]");
  add.addEventListener("change", () => {
    const key = add.value.trim(), { settings } = pane;
    if (key) pane.change({ search: "", only: "", removed: settings.removed.filter((name) => name !== key), added: pane.names.metrics.includes(key) ? settings.added : [...new Set([...settings.added, key])] }, { arrange: true });
    add.value = "";
    if (key) pane.reveal(key);
  });

  // Of very many metrics the few that are known are offered, and those that hold what is typed.
  const offer = (names) => {
    if (element.dataset.listed === names.join("\n")) return;
    element.dataset.listed = names.join("\n");
    one("[data-choices]").replaceChildren(...names.map((name) => new Option(name, name)));
  };
  let typing = 0;
  add.addEventListener("input", () => {
    clearTimeout(typing);
    const typed = add.value.trim();
    if (!typed || !pane.names.partial) return;
    typing = setTimeout(async () => {
      try { offer((await findNames([...pane.runs.keys()], [typed.slice(0, 500)])).metrics.slice(0, OFFERED)); } catch { /* what is typed whole is added all the same */ }
    }, 200);
  });

  return {
    show() {
      const { settings, names } = pane;
      element.toggleAttribute("data-grouped", Boolean(settings.group) && noun.asked === "runs"); // not of the rows of the table
      options(one("[data-set=x]"), [["Metric", "metrics.", names.metrics.slice(0, OFFERED)]], settings.x);
      options(one("[data-set=group]"), [["Param", "params.", names.params], ["Tag", "tags.", names.tags]], settings.group);
      offer(names.metrics.slice(0, OFFERED));
      for (const field of fields) {
        const now = settings[field.dataset.set];
        if (field.type === "checkbox") field.checked = now;
        else if (field !== document.activeElement || field.value !== String(now)) field.value = String(now);
      }
      Object.assign(one("[data-set=amount]"), { hidden: settings.smooth === "none", title: `Strength ${settings.amount}` });
      for (const name of ["[data-set=how]", "[data-set=band]", "[data-groups-help]"]) one(name).hidden = !settings.group;
      one("[data-reset]").hidden = !settings.zoom && ![...pane.panels.values()].some((panel) => panel.yRange || panel.apart?.zoom);
      one("[data-all-panels]").hidden = !settings.only || "metric" in element.dataset;
    },
    // `count` metrics are in the sections.
    say(count) {
      const said = one("[data-said]"), { settings, names, runs } = pane, known = pane.known(), partial = known.total > known.metrics.length;
      said.hidden = Boolean(count) && !partial && !known.waiting;
      said.textContent = known.waiting ? "Looking through all metrics …"
        : known.failed && settings.search ? "The metrics could not be searched. Change the text to try again."
        : count && partial && settings.search ? `${number(known.metrics.length)} of ${number(known.total)} possible metrics were looked at: type more of the name.`
        : count && partial ? `Charts of ${number(known.metrics.length)} of ${number(known.total)} metrics are listed: find the others by their names.`
        : !runs.size ? `No ${noun.one} is shown: charts of the ${noun.many} in the table appear here.`
        : settings.search ? `No metric ${pattern(settings.search) ? "matches" : "holds"} “${settings.search}”${pattern(settings.search) ? "." : ", which is no regular expression: a bracket may be missing."}`
        : names.metrics.length ? "All charts were removed. Add one by its metric above." : `These ${noun.many} have no metrics yet: a chart of each appears here as soon as one is logged.`;
      if (!count && names.failed) offerAgain(pane, said);
    },
  };
}
