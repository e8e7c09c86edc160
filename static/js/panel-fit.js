// How much room the words of the axes take: none is cut at the edge of a chart, and no chart is narrower than they need.
// Reads: nothing. Expects a uPlot whose ticks are known.
import { scale } from "./panel-scales.js";

export const FONT = "11px sans-serif";
const RIGHT = 12, LEFT = 56, GAP = 12; // pixels: the least beside the plot, and what stands between words and plot
let context;

function widest(words) {
  context ??= document.createElement("canvas").getContext("2d");
  context.font = FONT;
  return words.reduce((most, word) => Math.max(most, ...String(word).split("\n").map((line) => context.measureText(line).width)), 0);
}

export const leftRoom = (_, words) => Math.max(LEFT, Math.ceil(widest(words ?? [])) + GAP);

// The last word stands in the middle below its tick: half of it may reach beyond the plot.
export function rightRoom({ width, axes: [x, y] }, { first, last, logX }) {
  const tick = x._splits?.at(-1), share = tick === undefined ? 0 : scale(first, last, 0, 1, logX)(tick);
  if (!(share > 0.5)) return RIGHT;
  const half = widest([x._values?.at(-1) ?? ""]) / 2, whole = width - (y._size ?? LEFT);
  return Math.max(RIGHT, Math.min(whole / 4, Math.ceil((half - (1 - share) * whole) / share) + 1));
}
