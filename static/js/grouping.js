// Lines of logged models that share a value become one line; of runs the server makes them (group-data.js).
// Reads: nothing.
import { idOf, nameOf } from "./group-data.js";
import { EMPTY } from "./panel-data.js";

const POINTS = 400;

// The value of a line at each place of `grid`, between its points; NaN where the line has none.
function along(line, values, grid) {
  const found = new Float64Array(grid.length).fill(NaN);
  let i = 0;
  for (let k = 0; k < grid.length; k++) {
    while (i + 1 < line.x.length && line.x[i + 1] <= grid[k]) i++;
    if (line.x[i] === grid[k] || line.x.length === 1) { if (line.x[i] === grid[k]) found[k] = values[i]; continue; }
    if (i + 1 >= line.x.length || line.x[i] > grid[k]) continue;
    found[k] = values[i] + ((values[i + 1] - values[i]) * (grid[k] - line.x[i])) / (line.x[i + 1] - line.x[i]);
  }
  return found;
}

function middle(values, how) {
  if (how !== "median") return values.reduce((sum, value) => sum + value, 0) / values.length;
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function spread(values) {
  const mean = middle(values, "mean");
  return values.length > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) : NaN;
}

function joined(values, members, grid) {
  const columns = members.map((line) => [line.y, line.low, line.high].map((side) => along(line, side, grid)));
  const line = { id: idOf(values), name: nameOf(values), members: members.map((member) => member.id), x: grid, parts: grid.length, drawn: members.length };
  for (const name of ["mean", "median", "std", "least", "most"]) line[name] = new Float64Array(grid.length).fill(NaN);
  Object.assign(line, { runs: new Uint32Array(grid.length), odd: new Uint32Array(grid.length), flags: new Uint8Array(grid.length) });
  for (let k = 0; k < grid.length; k++) {
    const found = columns.map(([y]) => y[k]).filter((value) => !Number.isNaN(value));
    line.runs[k] = found.length;
    if (!found.length) { line.flags[k] = EMPTY; continue; }
    [line.mean[k], line.median[k], line.std[k]] = [middle(found, "mean"), middle(found, "median"), spread(found)];
    line.least[k] = Math.min(...columns.map(([, low]) => low[k]).filter((value) => !Number.isNaN(value)));
    line.most[k] = Math.max(...columns.map(([, , high]) => high[k]).filter((value) => !Number.isNaN(value)));
  }
  return { ...line, size: members.length, measured: members.length, nan: members.reduce((sum, member) => sum + member.nan, 0) };
}

// Short lines keep their own places: no value is made up.
export function grouped(lines, first, last, log) {
  const groups = Map.groupBy(lines, (line) => line.group ?? null);
  const places = new Set();
  for (const line of lines) if (places.size <= POINTS) for (const x of line.x) places.add(x);
  const at = (i) => (log ? first * (last / first) ** (i / (POINTS - 1)) : first + ((last - first) * i) / (POINTS - 1));
  const grid = places.size <= POINTS ? Float64Array.from([...places].sort((a, b) => a - b)) : Float64Array.from({ length: POINTS }, (_, i) => at(i));
  const order = ([a], [b]) => (a === null) - (b === null) || String(a).localeCompare(b, "en", { numeric: true });
  return [...groups].sort(order).map(([name, members]) => joined([name], members, grid));
}
