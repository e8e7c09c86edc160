// Points of lines that are short, and the bars of what groups spread over where each is one point.
// Reads: nothing. `view` as panel-drawing.js has it, `places` as panel-paths.js has them.
export const FILLED = 100; // lines that may be filled at all
const SHORT = 30; // points that are seen one by one

const clamp = (value, view) => Math.max(-view.height, Math.min(2 * view.height, value));
export const isDotted = (line, many) => line.x.length === 1 || (line.x.length < SHORT && many <= FILLED && !line.members);

// As the mark beside the name: a disc, a ring where the line is dashed, a square where it is dotted.
export function dots(context, line, places, view, radius) {
  const r = radius * view.ratio, [dash] = line.pattern ?? [], values = places.smooth ?? places.y;
  for (let i = 0; i < places.count; i++) {
    if (Number.isNaN(values[i])) continue;
    const x = places.x[i], y = values[i];
    context.beginPath();
    if (dash < 2) context.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r); else context.arc(x, y, dash ? r * 0.8 : r, 0, 7);
    if (dash > 2) context.stroke(); else context.fill();
  }
}

export function barOf(line, view) {
  const path = new Path2D(), x = view.sx(line.x[0]), reach = 4 * view.ratio;
  const [top, bottom] = [line.high[0], line.low[0]].map((value) => clamp(view.sy(value), view));
  for (const y of [top, bottom]) { path.moveTo(x - reach, y); path.lineTo(x + reach, y); }
  path.moveTo(x, top);
  path.lineTo(x, bottom);
  return path;
}

export function dotsText(line, sx, sy) {
  const values = line.smooth ?? line.y;
  return [...values].map((value, i) => (Number.isNaN(value) ? "" : `<circle cx="${sx(line.x[i]).toFixed(2)}" cy="${sy(value).toFixed(2)}" r="2.5" fill="${line.colour}"/>`)).join("");
}
