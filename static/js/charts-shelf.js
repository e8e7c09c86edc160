// Puts the panels into their sections, and forgets those that are shown no more.
// Reads: template#chart-section. Expects a pane: {settings, names, panels, sections, watcher}.
import { chosen, sectionsOf } from "./charts-sections.js";

function sectionElement(name) {
  const element = document.getElementById("chart-section").content.firstElementChild.cloneNode(true);
  element.dataset.section = name;
  element.querySelector("summary bdi").textContent = name;
  return element;
}

function panelOf(pane, Panel, key) {
  const panel = pane.panels.get(key) ?? new Panel(pane, key);
  if (!pane.panels.has(key)) {
    pane.panels.set(key, panel);
    pane.watcher.observe(panel.element);
  }
  panel.sized(...(pane.settings.sizes[key] ?? [1, 1]));
  return panel;
}

// Gives how many panels there are.
export function shelve(pane, Panel) {
  const kept = new Set();
  const made = sectionsOf(pane.names.metrics, pane.settings).map((section) => {
    const element = pane.sections.querySelector(`[data-section="${CSS.escape(section.name)}"]`) ?? sectionElement(section.name);
    element.open = section.open;
    element.querySelector(".count").textContent = String(section.keys.length);
    const keys = element.hasAttribute("data-all") ? section.keys : section.keys.slice(0, chosen);
    const panels = keys.map((key) => panelOf(pane, Panel, key));
    for (const panel of panels) kept.add(panel.key);
    element.querySelector(".chart-panels").replaceChildren(...panels.map((panel) => panel.element));
    const more = element.querySelector("[data-more]");
    more.hidden = keys.length === section.keys.length;
    more.textContent = `Show all ${section.keys.length} charts`;
    return element;
  });
  pane.sections.replaceChildren(...made);
  for (const [key, panel] of pane.panels) {
    if (kept.has(key)) continue;
    panel.drop();
    pane.watcher.unobserve(panel.element);
    pane.panels.delete(key);
  }
  return kept.size;
}
