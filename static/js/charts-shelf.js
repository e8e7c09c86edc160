// Puts the panels into their sections: only those of open sections, and of long ones a page. The others are forgotten.
// Reads: template#chart-section, [data-more-sections]. Expects a pane: {settings, names, panels, sections, pages, listed, watcher}.
import { number, pageOf, pager } from "./charts-pages.js";
import { MOST, PAGE, SECTIONS, sectionOf, sectionsOf, turned } from "./charts-sections.js";

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

// Puts them there; what stands there already keeps its focus.
function hold(parent, children) {
  if (parent.children.length !== children.length || children.some((child, i) => parent.children[i] !== child)) parent.replaceChildren(...children);
}

function fill(pane, Panel, element, section, kept) {
  const [first, end] = pageOf(pane, section);
  const panels = section.open ? section.keys.slice(first, end).map((key) => panelOf(pane, Panel, key)) : [];
  for (const panel of panels) kept.add(panel.key);
  hold(element.querySelector(".chart-panels"), panels.map((panel) => panel.element));
  pager(element, section, first, end);
}

// Too many panels at once: what was opened by hand longest ago is closed, then what is open from the start, from the top.
function bounded(pane, sections) {
  const { settings } = pane, last = settings.unfolded.at(-1) ?? pane.turned;
  const count = (section) => { const [first, end] = pageOf(pane, section); return section.open ? end - first : 0; };
  let sum = sections.reduce((all, section) => all + count(section), 0);
  const age = ({ name }) => settings.unfolded.indexOf(name);
  const closable = sections.filter((section) => section.open && section.name !== last && section.name !== pane.turned);
  for (const section of closable.sort((one, other) => (age(one) < 0) - (age(other) < 0) || age(one) - age(other))) {
    if (sum <= MOST) break;
    sum -= count(section);
    section.open = false;
    settings.unfolded = settings.unfolded.filter((name) => name !== section.name);
    if (section.usual && !settings.search) settings.folded = [...settings.folded.filter((name) => name !== section.name), section.name];
  }
}

// Gives how many metrics there are to draw.
export function shelve(pane, Panel) {
  const kept = new Set(), sections = sectionsOf(pane.known().metrics, pane.settings);
  const standing = new Map([...pane.sections.children].map((element) => [element.dataset.section, element]));
  for (const section of sections) if (pane.settings.search && standing.get(section.name)?.open) section.open = true;
  const listed = sections.slice(0, pane.listed);
  bounded(pane, listed);
  const made = listed.map((section) => {
    const element = standing.get(section.name) ?? sectionElement(section.name);
    element.open = section.open;
    element.querySelector(".count").textContent = number(section.keys.length);
    fill(pane, Panel, element, section, kept);
    return element;
  });
  pane.shelf = new Map(listed.map((section) => [section.name, section]));
  hold(pane.sections, made);
  const more = pane.element.querySelector("[data-more-sections]"), rest = sections.length - listed.length;
  more.hidden = rest <= 0;
  more.textContent = `Show ${Math.min(rest, SECTIONS)} more of ${number(rest)} sections`;
  for (const [key, panel] of pane.panels) {
    if (kept.has(key)) continue;
    panel.drop();
    pane.watcher.unobserve(panel.element);
    pane.panels.delete(key);
  }
  return sections.reduce((sum, section) => sum + section.keys.length, 0);
}

// Opens the section of a metric, at the page that holds it.
export function uncover(pane, key) {
  const sections = sectionsOf(pane.known().metrics, pane.settings), name = sectionOf(key);
  const i = sections.findIndex((section) => section.name === name), at = sections[i]?.keys.indexOf(key) ?? -1;
  if (at < 0) return;
  pane.listed = Math.max(pane.listed, i + 1);
  if (at >= pageOf(pane, sections[i])[1] || at < pageOf(pane, sections[i])[0]) pane.pages.set(name, at - (at % PAGE));
  if (!sections[i].open) pane.turn(name, true);
  pane.turned = name;
}

// A section is opened or closed.
export function turn(pane, name, open) {
  pane.turned = name;
  const section = pane.shelf.get(name) ?? { name, usual: false };
  if (!pane.settings.search && !pane.settings.only) Object.assign(pane.settings, turned(pane.settings, section, open));
  section.open = open;
  if (open) pane.arrange();
  pane.keep();
}
