// Where a line has values that are no finite numbers.
// Reads: nothing. `view` as panel-drawing.js has it.
import { DOWN, NAN, UP } from "./panel-data.js";

// NaN as a cross on the ground, infinities as arrows at the edges; those that would lie on each other are drawn once.
export function marksOf(line, view) {
  const found = [];
  const last = { [NAN]: -Infinity, [UP]: -Infinity, [DOWN]: -Infinity };
  for (let i = 0; i < line.x.length; i++) {
    for (const flag of [NAN, UP, DOWN]) {
      if (!(line.flags[i] & flag)) continue;
      const x = view.sx(line.x[i]);
      if (x - last[flag] < 7 * view.ratio || x < 0 || x > view.width) continue;
      last[flag] = x;
      found.push({ x, sign: flag === NAN ? "×" : flag === UP ? "▲" : "▼", top: flag === UP });
    }
  }
  return found;
}
