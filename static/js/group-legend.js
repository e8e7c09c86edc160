// The groups of runs that all panels draw: each has one colour in every panel, and its name beside the colour once.
// Reads: [data-legend]. Expects a pane: {element, settings, panels}.
import { freeLook, lookClasses } from "./run-looks.js";

const LISTED = 24;
const known = new WeakMap(); // by pane: {by, places: the look of each group}

function placesOf(pane) {
  if (known.get(pane)?.by !== pane.settings.group) known.set(pane, { by: pane.settings.group, places: new Map() });
  return known.get(pane).places;
}

export function lookOfGroup(pane, name) {
  const places = placesOf(pane);
  if (!places.has(name)) {
    const taken = new Map();
    for (const look of places.values()) taken.set(look, (taken.get(look) ?? 0) + 1);
    places.set(name, freeLook(1, taken));
  }
  return places.get(name);
}

export function showLegend(pane) {
  const legend = pane.element.querySelector("[data-legend]"), { group } = pane.settings;
  const drawn = new Set([...pane.panels.values()].flatMap(({ plot }) => (plot?.shown.grouped ? plot.shown.lines.map((line) => line.name) : [])));
  const names = group ? [...placesOf(pane).keys()].filter((name) => drawn.has(name)) : [];
  legend.hidden = !names.length;
  const items = names.slice(0, LISTED).map((name) => {
    const item = document.createElement("li"), swatch = Object.assign(document.createElement("i"), { className: `swatch ${lookClasses(lookOfGroup(pane, name))}` });
    item.append(swatch, Object.assign(document.createElement("bdi"), { textContent: name, title: name }));
    return item;
  });
  if (names.length > LISTED) items.push(Object.assign(document.createElement("li"), { className: "quiet", textContent: `and ${names.length - LISTED} more` }));
  legend.replaceChildren(...items);
  legend.setAttribute("aria-label", `Groups by ${group.slice(group.indexOf(".") + 1)}`);
}
