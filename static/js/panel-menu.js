// What the buttons of a panel do: full screen, export, data as table, link, size, place, remove.
// Reads: [data-do] inside figures with data-key; [data-more], [data-page] and summaries of sections; [data-more-sections], [data-settings]; dialogs #chart-full and #chart-table; #live.
import { PAGE, SECTIONS } from "./charts-sections.js";
import { addressOf } from "./charts-settings.js";
import { png, svg } from "./panel-export.js";
import { csv, fill } from "./panel-table.js";

const tell = (text) => { document.getElementById("live").textContent = text; };

export function wireMenus(pane) {
  const full = document.getElementById("chart-full"), sheet = document.getElementById("chart-table");
  let home = null; // where the panel in full screen stands otherwise

  const leave = () => {
    if (!home) return;
    home.mark.replaceWith(home.panel.element);
    home.panel.element.querySelector("[data-do=full]").focus();
    home = null;
  };
  const enter = (panel) => {
    const mark = document.createElement("span");
    panel.element.replaceWith(mark);
    home = { panel, mark };
    full.querySelector("[data-stage]").replaceChildren(panel.element);
    full.querySelector("h2").textContent = panel.key;
    panel.seen(true);
  };
  const step = (by) => {
    const all = [...pane.element.querySelectorAll("details[open] figure[data-key], .chart-panels > span")];
    const next = all[all.indexOf(home.mark) + by];
    if (!next) return;
    leave();
    enter(pane.panels.get(next.dataset.key));
    full.focus();
  };
  full.addEventListener("close", leave);
  full.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, .menu[open]")) return;
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") { event.preventDefault(); step(event.key === "ArrowRight" ? 1 : -1); }
  });
  for (const button of full.querySelectorAll("[data-step]")) button.addEventListener("click", () => step(Number(button.dataset.step)));
  for (const dialog of [full, sheet]) dialog.querySelector("[data-close-dialog]").addEventListener("click", () => dialog.close());

  const actions = {
    full: (panel) => { if (home) full.close(); else { full.showModal(); enter(panel); full.focus(); } },
    png, svg, csv,
    table: (panel) => { fill(sheet, panel); sheet.showModal(); },
    link: async (panel) => {
      await navigator.clipboard.writeText(new URL(addressOf({ ...pane.settings, only: panel.key }), location.href).href);
      tell(`The link to the chart of ${panel.key} is in the clipboard.`);
      panel.readout.textContent = "Link copied";
    },
    remove: (panel) => {
      if (home) full.close();
      pane.change({ removed: [...pane.settings.removed, panel.key], added: pane.settings.added.filter((key) => key !== panel.key) }, { arrange: true });
      tell(`The chart of ${panel.key} was removed. Add it again by its name.`);
    },
  };
  const act = (event) => {
    const name = event.target.closest("[data-do]")?.dataset.do, figure = event.target.closest("figure[data-key]");
    const panel = figure && pane.panels.get(figure.dataset.key);
    if (!panel || !actions[name]) return;
    event.target.closest("details.menu")?.removeAttribute("open");
    if (["png", "svg", "csv", "table"].includes(name) && !panel.plot) { tell("There is nothing drawn to save."); return; }
    actions[name](panel);
  };
  pane.element.addEventListener("click", act);
  full.addEventListener("click", act);
  pane.element.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "f" || !event.target.matches("figure[data-key]") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions.full(pane.panels.get(event.target.dataset.key));
  });
  pane.sections.addEventListener("click", (event) => {
    const section = event.target.closest("[data-section]"), page = event.target.closest("[data-page]");
    if (!page && !event.target.closest("[data-more]")) return;
    const { section: name } = section.dataset;
    pane.pages.set(name, page ? pane.pages.get(name) + PAGE * Number(page.dataset.page) : 0);
    pane.turned = name;
    pane.arrange();
    if (page) section.scrollIntoView({ block: "start" });
  });
  pane.element.querySelector("[data-settings]").addEventListener("click", ({ target }) => target.setAttribute("aria-expanded", String(target.getAttribute("aria-expanded") !== "true")));
  pane.element.querySelector("[data-more-sections]").addEventListener("click", () => { pane.listed += SECTIONS; pane.arrange(); });
  pane.sections.addEventListener("toggle", (event) => {
    const name = event.target.dataset?.section, section = pane.shelf.get(name);
    if (section && section.open !== event.target.open) pane.turn(name, event.target.open); // by a person, not by what was arranged
  }, true);
}
