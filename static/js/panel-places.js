// Panels of last values: one point for each run at its place in the table, or for each group.
// Reads: nothing.
import { noun } from "./charts-noun.js";
import { NO_VALUE } from "./group-data.js";

const LETTER = 6.5, NAMED = 24; // pixels; names that may stand below the axis

// Lines and extent of logged models as they are drawn: those of a group stand at the group's own place.
export function placed(data) {
  const names = [...new Set(data.lines.map((line) => line.group ?? NO_VALUE))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const at = new Map(names.map((name, i) => [name, i + 1]));
  return [data.lines.map((line) => ({ ...line, x: line.x.map(() => at.get(line.group ?? NO_VALUE)) })), [0.5, names.length + 0.5]];
}

// A group's line without the places of the others.
export function alone(line) {
  const at = line.mean.findIndex((y) => !Number.isNaN(y));
  if (at < 0) return line;
  const cut = Object.fromEntries(["x", "mean", "median", "std", "least", "most", "runs", "odd", "flags"].map((key) => [key, line[key].slice(at, at + 1)]));
  return { ...line, ...cut, parts: 1 };
}

export const placeTitle = (shown) => (shown.grouped ? "Groups, last values" : `${noun.title}s in the order of the table, last values`);

export const placeTicks = (_, __, low, high, step) => {
  const found = [], by = Math.max(1, Math.ceil(step ?? 1));
  for (let tick = Math.ceil(low); tick <= high && found.length < 200; tick += 1) if (by === 1 || tick % by === 0 || (tick === 1 && by > 2)) found.push(tick);
  return found;
};

// What all of the names begin with and nobody needs to read again and again.
function sharedPrefix(names) {
  let length = names.length > 1 ? names[0].length : 0;
  for (const name of names) while (!name.startsWith(names[0].slice(0, length))) length--;
  return length > 3 && names.every((name) => name.length > length) ? length : 0;
}

// Names where there is room for them, else places.
export function placeWords(shown, ticks, width) {
  const names = new Map(shown.lines.map((line) => [line.x[0], line.name || line.id])), room = Math.floor(width / ticks.length / LETTER) - 2;
  const cut = sharedPrefix([...names.values()]), named = ticks.length <= NAMED && room >= 8 && shown.last - shown.first <= NAMED;
  const word = (name) => { const rest = cut && name ? `…${name.slice(cut)}` : name; return rest.length > room ? `${rest.slice(0, room - 1)}…` : rest; };
  return ticks.map((tick) => (named ? word(names.get(tick) ?? "") : String(tick)));
}
