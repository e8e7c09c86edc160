// From what the server gave to what is drawn: hidden runs left out, groups joined, colours, smoothing, ranges.
// Reads: nothing. Expects a pane: {runOf(id)}, and its settings.
import { noun } from "./charts-noun.js";
import { banded } from "./group-bands.js";
import { lookOfGroup } from "./group-legend.js";
import { groupsNote } from "./group-note.js";
import { grouped } from "./grouping.js";
import { alone, placed } from "./panel-places.js";
import { rangeOf } from "./panel-scales.js";
import { colourOfLook, patternOf } from "./run-looks.js";
import { smoothed } from "./smoothing.js";

function rangeX(settings, extent, lines) {
  const [first, last] = settings.zoom ?? extent;
  if (!settings.zoom && !settings.logX && settings.x.startsWith("metrics.") && lines.every((line) => line.x.length === 1)) {
    const room = (last - first) * 0.03; // whole dots at the ends
    if (room > 0) return [first - room, last + room];
  }
  if (first < last) return [first, last];
  const one = lines[0]?.x[0] ?? first; // a single place: it stands in the middle
  return settings.logX ? [one / 2, one * 2] : [one - 1, one + 1];
}

function nothingOf(settings, data, lines) {
  if (!data.lines.length || data.measured === 0) return `None of the shown ${noun.many} has this metric.`;
  if (!lines.length && settings.zoom) return "No point lies in this part. Reset the zoom to see all.";
  if (!lines.length) return settings.logX ? "No point can stand on a logarithmic axis: all of them are at 0 or below." : `All ${noun.many} with this metric are hidden.`;
  const nans = lines.reduce((sum, line) => sum + line.nan, 0);
  return `No finite value to draw${nans ? `: ${nans} NaN` : ""}.`;
}

// {lines, axis, first, last, yRange, logX, logY, xTitle}, or {nothing} with the reason.
export function shownOf(data, pane, settings, yRange) {
  const joins = Boolean(settings.group) && noun.asked === "models", groups = joins || Boolean(data.grouped);
  const places = data.axis === "place", [every, extent] = places && joins ? placed(data) : [data.lines, data.extent];
  let lines = every.filter((line) => line.parts && !pane.runOf(line.id)?.hidden);
  const [first, last] = rangeX(settings, extent, lines);
  if (joins) lines = grouped(lines, first, last, settings.logX);
  if (groups) for (const line of joins ? lines : every) lookOfGroup(pane, line.id); // the same colours in every panel
  if (groups) lines = lines.map((line) => banded(joins && places ? alone(line) : line, settings.how, settings.band));
  const ends = settings.logX ? data.extent.map(Math.log) : data.extent;
  for (const line of lines) {
    const run = pane.runOf(line.id);
    const look = groups ? lookOfGroup(pane, line.id) : run?.look;
    Object.assign(line, { look, colour: colourOfLook(look), pattern: patternOf(look) });
    line.pinned = Boolean(run?.pinned);
    line.name = run?.name || line.name;
    const x = settings.logX ? line.x.map(Math.log) : line.x;
    const smooth = smoothed(x, line.y, settings.smooth, settings.amount, ends[1] - ends[0]);
    line.smooth = smooth === line.y ? null : smooth;
  }
  lines.sort((one, other) => one.pinned - other.pinned);
  if (!lines.some((line) => line.y.some((y) => !Number.isNaN(y)))) return { nothing: nothingOf(settings, data, lines) };
  const { logX, logY } = settings;
  const xTitle = data.axis === "value" ? settings.x.slice("metrics.".length) : undefined;
  return { lines, axis: data.axis, dotted: lines.every((line) => line.x.length === 1), first, last, yRange: yRange ?? rangeOf(lines, first, last, logY, settings.clip), logX, logY, xTitle, grouped: groups };
}

export function noteOf(data, shown) {
  const number = (count, noun) => `${count.toLocaleString("en").replaceAll(",", "\u202f")} ${noun}${count === 1 ? "" : "s"}`;
  if (shown.grouped) return groupsNote(data, shown);
  const [only] = shown.lines, one = shown.lines.length === 1;
  const what = one ? number(only.points, "point") + (only.nan ? `, ${only.nan} NaN` : "") : number(shown.lines.length, noun.one);
  return data.coarse ? `${what}, zoom in for more detail` : what;
}

// The one line with its one point, of which there is nothing to draw; else null.
export const singleOf = (shown) => (shown.lines.length === 1 && shown.lines[0].points === 1 && !shown.grouped ? shown.lines[0] : null);
