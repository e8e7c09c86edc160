// Draws lines on a canvas: envelopes of what a pixel hides, spikes, gaps and marks where a value is no finite number.
// Reads: nothing. `view` is {sx, sy, first, last, width, height, ratio}: functions from values to pixels, what is seen, the size in pixels.
import { EMPTY, partAt } from "./panel-data.js";
import { marksOf } from "./panel-marks.js";

const ENVELOPES = 30, FILLED = 100; // lines that may be filled strongly, or at all
const SPIKE = 3; // pixels that an extreme must stand out beside its neighbours to be drawn as a stroke
const clamp = (value, view) => Math.max(-view.height, Math.min(2 * view.height, value));

// What is seen of a line, with the next part on either side: just zoomed into, that is little of what is here.
const seen = (line, view) => [Math.max(0, partAt(line, view.first)), Math.min(line.x.length, partAt(line, view.last) + 2)];

export function pathOf(line, values, view) {
  const path = new Path2D();
  let open = false;
  const [from, to] = seen(line, view);
  for (let i = from; i < to; i++) {
    if (Number.isNaN(values[i])) { open = false; continue; }
    const x = view.sx(line.x[i]), y = clamp(view.sy(values[i]), view);
    if (open) path.lineTo(x, y); else path.moveTo(x, y);
    open = true;
  }
  return path;
}

function envelopeOf(line, view) {
  const path = new Path2D();
  const close = (start, end) => {
    if (end - start < 1) return;
    for (let i = start; i < end; i++) path[i === start ? "moveTo" : "lineTo"](view.sx(line.x[i]), clamp(view.sy(line.high[i]), view));
    for (let i = end - 1; i >= start; i--) path.lineTo(view.sx(line.x[i]), clamp(view.sy(line.low[i]), view));
    path.closePath();
  };
  const [from, to] = seen(line, view);
  let start = from;
  for (let i = from; i <= to; i++) {
    if (i < to && !(line.flags[i] & EMPTY)) continue;
    close(start, i);
    start = i + 1;
  }
  return path;
}

function spikesOf(line, view) {
  const path = new Path2D();
  const reach = SPIKE * view.ratio;
  const [from, to] = seen(line, view);
  for (let i = from; i < to; i++) {
    if (line.flags[i] & EMPTY) continue;
    const y = clamp(view.sy(line.y[i]), view), top = clamp(view.sy(line.high[i]), view), bottom = clamp(view.sy(line.low[i]), view);
    if (y - top <= reach && bottom - y <= reach) continue;
    const near = (values, sign) => Math.max(...[i - 1, i + 1].map((k) => (line.x[k] === undefined || line.flags[k] & EMPTY ? -Infinity : sign * view.sy(values[k]))));
    const up = y - top > reach && -top - near(line.high, -1) > reach, down = bottom - y > reach && bottom - near(line.low, 1) > reach;
    if (!up && !down) continue;
    path.moveTo(view.sx(line.x[i]), up ? top : y);
    path.lineTo(view.sx(line.x[i]), down ? bottom : y);
  }
  return path;
}

function dots(context, line, values, view) {
  for (let i = 0; i < line.x.length; i++) {
    if (Number.isNaN(values[i])) continue;
    context.beginPath();
    context.arc(view.sx(line.x[i]), clamp(view.sy(values[i]), view), 2.5 * view.ratio, 0, 7);
    context.fill();
  }
}

export function draw(context, line, view, { many = 1, thick = false } = {}) {
  context.strokeStyle = context.fillStyle = line.colour;
  context.lineJoin = "bevel";
  const single = line.x.length < 30 && many <= FILLED && !line.members;
  if (!line.exact && (many <= FILLED || thick)) {
    context.globalAlpha = many <= ENVELOPES || thick ? 0.18 : 0.07;
    context.fill(envelopeOf(line, view));
  }
  context.lineWidth = view.ratio * (thick ? 2.75 : many > FILLED ? 1 : 1.5);
  context.globalAlpha = many > FILLED ? 0.08 : 0.28;
  if (line.smooth) context.stroke(pathOf(line, line.y, view));
  context.globalAlpha = line.smooth ? 0.35 : 0.85;
  if (!line.exact && !line.members) context.stroke(spikesOf(line, view));
  context.globalAlpha = many > 300 && !thick ? 0.6 : 1;
  if (line.pattern && many <= FILLED) context.setLineDash(line.pattern.map((length) => length * view.ratio));
  context.stroke(pathOf(line, line.smooth ?? line.y, view));
  context.setLineDash([]);
  if (single) dots(context, line, line.smooth ?? line.y, view);
  context.globalAlpha = 1;
  context.font = `${10 * view.ratio}px sans-serif`;
  context.textAlign = "center";
  for (const mark of marksOf(line, view)) context.fillText(mark.sign, mark.x, mark.top ? 10 * view.ratio : view.height - 3 * view.ratio);
}
