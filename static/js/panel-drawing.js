// Draws lines on a canvas: envelopes of what a pixel hides, spikes, gaps and marks where a value is no finite number.
// Reads: nothing. `view` is {sx, sy, first, last, width, height, ratio}: functions from values to pixels, what is seen, the size in pixels.
import { FILLED, barOf, dots, isDotted } from "./panel-dots.js";
import { marksOf } from "./panel-marks.js";
import { envelopeOf, pathOf, placed, spikesOf } from "./panel-paths.js";

const ENVELOPES = 30; // lines that may be filled strongly

// Among many lines each is as thin as a pixel, which is also many times as quick to draw; a pointed or pinned one stands out all the more.
const widthOf = (many, thick) => (thick ? 2.75 : many > ENVELOPES ? 1 : 1.5);

export function draw(context, line, view, { many = 1, thick = false } = {}) {
  const places = placed(line, view);
  context.strokeStyle = context.fillStyle = line.colour;
  context.lineJoin = "bevel";
  const lonely = line.x.length === 1;
  if (!line.exact && (many <= FILLED || thick)) {
    context.globalAlpha = many <= ENVELOPES || thick ? 0.18 : 0.07;
    context.fill(envelopeOf(places));
  }
  context.lineWidth = view.ratio * widthOf(many, thick);
  context.globalAlpha = many > FILLED ? 0.08 : 0.28;
  if (line.smooth) context.stroke(pathOf(places, places.y));
  context.globalAlpha = line.smooth ? 0.35 : 0.85;
  const spikes = line.exact || line.members ? null : spikesOf(places, view);
  if (spikes) context.stroke(spikes);
  if (lonely && line.low[0] < line.high[0]) context.stroke(barOf(line, view));
  context.globalAlpha = many > 300 && !thick ? 0.6 : 1;
  if (line.pattern && many <= FILLED) context.setLineDash(line.pattern.map((length) => length * view.ratio));
  context.stroke(pathOf(places, places.smooth ?? places.y));
  context.setLineDash([]);
  if (isDotted(line, many)) dots(context, line, places, view, (lonely && many <= FILLED ? 4 : 2.5) + (lonely && thick ? 2 : 0));
  context.globalAlpha = 1;
  context.font = `${10 * view.ratio}px sans-serif`;
  context.textAlign = "center";
  for (const mark of marksOf(line, view)) context.fillText(mark.sign, mark.x, mark.top ? 10 * view.ratio : view.height - 3 * view.ratio);
}
