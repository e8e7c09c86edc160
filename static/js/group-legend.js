// The groups of runs that all panels draw: each has one colour in every panel, and its name and size beside the colour once.
// Reads: [data-legend]. Expects a pane: {element, settings, panels}.
import { noun } from "./charts-noun.js";
import { number } from "./charts-pages.js";
import { freeLook, lookClasses } from "./run-looks.js";

const LISTED = 24;
const known = new WeakMap(); // by pane: {by, places: the look of each group}

function placesOf(pane) {
  if (known.get(pane)?.by !== pane.settings.group) known.set(pane, { by: pane.settings.group, places: new Map() });
  return known.get(pane).places;
}

export function lookOfGroup(pane, id) {
  const places = placesOf(pane);
  if (!places.has(id)) {
    const taken = new Map();
    for (const look of places.values()) taken.set(look, (taken.get(look) ?? 0) + 1);
    places.set(id, freeLook(1, taken));
  }
  return places.get(id);
}

export function showLegend(pane) {
  const legend = pane.element.querySelector("[data-legend]"), { group } = pane.settings;
  const drawn = new Map([...pane.panels.values()].flatMap(({ plot }) => (plot?.shown.grouped ? plot.shown.lines.map((line) => [line.id, line]) : [])));
  const lines = group ? [...placesOf(pane).keys()].filter((id) => drawn.has(id)).map((id) => drawn.get(id)) : [];
  legend.hidden = !lines.length;
  const items = lines.slice(0, LISTED).map(({ id, name, size }) => {
    const item = document.createElement("li"), swatch = Object.assign(document.createElement("i"), { className: `swatch ${lookClasses(lookOfGroup(pane, id))}` });
    const count = Object.assign(document.createElement("span"), { className: "quiet", textContent: `${number(size)} ${size === 1 ? noun.one : noun.many}` });
    item.append(swatch, Object.assign(document.createElement("bdi"), { textContent: name, title: name }), " ", count);
    return item;
  });
  if (lines.length > LISTED) items.push(Object.assign(document.createElement("li"), { className: "quiet", textContent: `and ${number(lines.length - LISTED)} more` }));
  legend.replaceChildren(...items);
  legend.setAttribute("aria-label", `Groups by ${group.slice(group.indexOf(".") + 1)}`);
}
