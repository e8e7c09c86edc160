// What is drawn of a line, as paths in pixels.
// Reads: nothing. `view` as panel-drawing.js has it.
import { EMPTY, partAt } from "./panel-data.js";

const SPIKE = 3; // pixels that an extreme must stand out beside its neighbours to be drawn as a stroke

// Where the values of a line stand in pixels, of what is seen of it, with the next part on either side. Each place is worked out once
// for all that is drawn of it. Values far outside stay near: a canvas loses its way with what is very large.
export function placed(line, view) {
  const from = Math.max(0, partAt(line, view.first)), to = Math.min(line.x.length, partAt(line, view.last) + 2), count = to - from;
  const put = (values, scale) => { const found = new Float64Array(count); for (let i = 0; i < count; i++) found[i] = scale(values[from + i]); return found; };
  const least = -view.height, most = 2 * view.height;
  const height = (value) => (Number.isNaN(value) ? NaN : Math.max(least, Math.min(most, view.sy(value))));
  const y = put(line.y, height);
  return { count, x: put(line.x, view.sx), y, top: line.exact ? y : put(line.high, height), bottom: line.exact ? y : put(line.low, height),
    smooth: line.smooth ? put(line.smooth, height) : null, empty: (i) => line.flags[from + i] & EMPTY };
}

export function pathOf({ x, count }, y) {
  const path = new Path2D();
  let open = false;
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(y[i])) { open = false; continue; }
    if (open) path.lineTo(x[i], y[i]); else path.moveTo(x[i], y[i]);
    open = true;
  }
  return path;
}

export function envelopeOf({ x, top, bottom, count, empty }) {
  const path = new Path2D();
  const close = (start, end) => {
    if (end - start < 1) return;
    path.moveTo(x[start], top[start]);
    for (let i = start + 1; i < end; i++) path.lineTo(x[i], top[i]);
    for (let i = end - 1; i >= start; i--) path.lineTo(x[i], bottom[i]);
    path.closePath();
  };
  let start = 0;
  for (let i = 0; i <= count; i++) {
    if (i < count && !empty(i)) continue;
    close(start, i);
    start = i + 1;
  }
  return path;
}

// null where no extreme stands out.
export function spikesOf({ x, y, top, bottom, count, empty }, view) {
  let path = null;
  const reach = SPIKE * view.ratio, none = (i) => i < 0 || i >= count || empty(i);
  for (let i = 0; i < count; i++) {
    const above = y[i] - top[i] > reach, below = bottom[i] - y[i] > reach;
    if ((!above && !below) || empty(i)) continue;
    const up = above && (none(i - 1) || top[i - 1] - top[i] > reach) && (none(i + 1) || top[i + 1] - top[i] > reach);
    const down = below && (none(i - 1) || bottom[i] - bottom[i - 1] > reach) && (none(i + 1) || bottom[i] - bottom[i + 1] > reach);
    if (!up && !down) continue;
    path ??= new Path2D();
    path.moveTo(x[i], up ? top[i] : y[i]);
    path.lineTo(x[i], down ? bottom[i] : y[i]);
  }
  return path;
}
