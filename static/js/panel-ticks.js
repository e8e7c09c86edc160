// The two axes of a chart as uPlot takes them: where their ticks stand, and in which words.
// Reads: the CSS colours of the page.
import { FONT, leftRoom } from "./panel-fit.js";
import { placeTicks, placeTitle, placeWords } from "./panel-places.js";
import { AXIS_TITLES, duration, durationTicks, figureOf, grouped, logTicks } from "./panel-scales.js";
import { timeWords } from "./panel-times.js";

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The ticks of an axis in as many digits as tell them apart.
function figures(ticks) {
  const sorted = [...ticks].sort((a, b) => a - b), steps = sorted.slice(1).map((tick, i) => tick - sorted[i]).filter((step) => step > 0);
  const near = Math.min(...steps, Infinity) / 50;
  for (let digits = 5; ; digits++) {
    const words = ticks.map((tick) => (tick === 0 ? "0" : figureOf(tick, digits)));
    if (digits === 12 || words.every((word, i) => !Number.isFinite(+word) || Math.abs(word - ticks[i]) <= near)) return words;
  }
}

export function axesOf(shown) {
  const axis = { stroke: token("--text-quiet"), font: FONT, grid: { stroke: token("--line-faint"), width: 1 }, ticks: { show: false } };
  const title = { labelFont: FONT, labelSize: 16, labelGap: 0 };
  const x = { ...axis, ...title, size: shown.axis === "time" ? 40 : 26, space: 70, label: shown.xTitle ?? AXIS_TITLES[shown.axis] ?? "" };
  if (shown.axis === "relative" || shown.logX) x.splits = (plot, _, low, high) => (shown.logX ? logTicks(low, high) : durationTicks(low, high, Math.max(2, plot.bbox.width / devicePixelRatio / 90)));
  if (shown.axis === "relative") x.values = (_, ticks) => ticks.map(duration);
  else if (shown.axis === "time") x.values = (_, ticks, __, ___, step) => timeWords(ticks, step);
  else x.values = (_, ticks) => (shown.axis === "step" ? ticks.map(grouped) : figures(ticks));
  if (shown.axis === "place") Object.assign(x, { label: placeTitle(shown), splits: placeTicks, incrs: [1, 2, 5, 10, 20, 50, 100, 200], space: 30, values: (plot, ticks) => placeWords(shown, ticks, plot.bbox.width / devicePixelRatio) });
  const y = { ...axis, size: leftRoom, values: (_, ticks) => figures(ticks) };
  if (shown.logX) x.label += ", log";
  if (shown.logY) Object.assign(y, title, { label: "log", splits: (_, __, low, high) => logTicks(low, high) });
  return [x, y];
}
