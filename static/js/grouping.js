// Lines of runs that share a value become one line with a band around it.
// Reads: nothing. A group's line is a line like others, with `members`; its low and high are the band.
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
  return values.length > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) : 0;
}

function joined(name, members, grid, how, band) {
  const columns = members.map((line) => [line.y, line.low, line.high].map((values) => along(line, values, grid)));
  const line = { id: `group:${name}`, name, members: members.map((member) => member.id), x: grid, exact: false, parts: grid.length, group: name };
  for (const side of ["y", "low", "high"]) line[side] = new Float64Array(grid.length).fill(NaN);
  line.flags = new Uint8Array(grid.length);
  for (let k = 0; k < grid.length; k++) {
    const values = columns.map(([y]) => y[k]).filter((value) => !Number.isNaN(value));
    if (!values.length) { line.flags[k] = 8; continue; }
    line.y[k] = middle(values, how);
    const half = band === "std" ? spread(values) : band === "se" ? spread(values) / Math.sqrt(values.length) : 0;
    [line.low[k], line.high[k]] = [line.y[k] - half, line.y[k] + half];
    if (band !== "minmax") continue;
    line.low[k] = Math.min(...columns.map(([, low]) => low[k]).filter((value) => !Number.isNaN(value)));
    line.high[k] = Math.max(...columns.map(([, , high]) => high[k]).filter((value) => !Number.isNaN(value)));
  }
  line.points = members.reduce((sum, member) => sum + member.points, 0);
  line.nan = members.reduce((sum, member) => sum + member.nan, 0);
  return line;
}

// `how` is mean or median, `band` std, se, minmax or none. Short lines keep their own places: no value is made up.
export function grouped(lines, how, band, first, last, log) {
  const groups = Map.groupBy(lines, (line) => line.group ?? "no value");
  const places = new Set();
  for (const line of lines) if (places.size <= POINTS) for (const x of line.x) places.add(x);
  const at = (i) => (log ? first * (last / first) ** (i / (POINTS - 1)) : first + ((last - first) * i) / (POINTS - 1));
  const grid = places.size <= POINTS ? Float64Array.from([...places].sort((a, b) => a - b)) : Float64Array.from({ length: POINTS }, (_, i) => at(i));
  return [...groups].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([name, members]) => joined(name, members, grid, how, band));
}
