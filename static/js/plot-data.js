// The compared runs as columns of a plot: params and metrics by name, numbers where all values are numbers.
// Reads: nothing. Expects, before anything else is called, what the server answers: {names: {params, metrics}, runs: [{id, name, look, params, metrics}]}.
export const compared = { names: { params: [], metrics: [] }, runs: [] };
export const take = (answer) => { Object.assign(compared, answer); };

// ECharts keeps the widths of texts in a plain object: one called __proto__ would change all objects of the page.
export const drawn = (text) => (text in Object.prototype ? `${text}\u200b` : text);

export const RUN = "run"; // a column too: which run it is
const WIDE = 100; // times that the largest of positive numbers is the smallest: their scale is logarithmic

// "params.lr" -> {label, values, numeric, categories, log, to, from}; values are numbers, places in `categories`, or null.
// `to` and `from`: between values and places on the column's scale.
export function column(id) {
  if (id === RUN) return { id, name: "Run", label: "Run", numeric: false, values: compared.runs.map((_, i) => i), categories: compared.runs.map((run) => drawn(run.name)), log: false, to: same, from: same };
  const [kind, name] = [id.slice(0, id.indexOf(".")), id.slice(id.indexOf(".") + 1)];
  const at = compared.names[kind].indexOf(name);
  const raw = compared.runs.map((run) => run[kind][at] ?? null);
  const numeric = raw.some((value) => value !== null) && raw.every((value) => value === null || (String(value).trim() !== "" && Number.isFinite(Number(value))));
  if (numeric) {
    const values = raw.map((value) => (value === null ? null : Number(value))), known = values.filter((value) => value !== null);
    const log = Math.min(...known) > 0 && Math.max(...known) / Math.min(...known) >= WIDE;
    return { id, name, label: log ? `${name}, log` : drawn(name), numeric, values, categories: [], log, to: log ? Math.log10 : same, from: log ? (place) => 10 ** place : same };
  }
  const categories = [...new Set(raw.filter((value) => value !== null))].sort((one, other) => String(one).localeCompare(String(other), "en", { numeric: true }));
  return { id, name, label: drawn(name), numeric, categories: categories.map((text) => drawn(String(text))), values: raw.map((value) => (value === null ? null : categories.indexOf(value))), log: false, to: same, from: same };
}

export const ids = (kind) => compared.names[kind].map((name) => `${kind}.${name}`);
export const differs = (id) => new Set(column(id).values).size > 1;

const same = (value) => value;

export function pairs(x, y) {
  return compared.runs.map((run, i) => ({ run, i, x: x.values[i], y: y.values[i] })).filter((pair) => pair.x !== null && pair.y !== null);
}

// Least squares: {slope, start, r}, or null for fewer than two places.
export function trend(found) {
  const n = found.length, mean = (key) => found.reduce((sum, pair) => sum + pair[key], 0) / n;
  const [mx, my] = [mean("x"), mean("y")];
  const sum = (of) => found.reduce((total, pair) => total + of(pair.x - mx, pair.y - my), 0);
  const xx = sum((x) => x * x), yy = sum((_, y) => y * y), xy = sum((x, y) => x * y);
  return n > 1 && xx > 0 ? { slope: xy / xx, start: my - (xy / xx) * mx, r: yy > 0 ? xy / Math.sqrt(xx * yy) : 0 } : null;
}

function ranks(values) {
  const sorted = values.map((value, i) => [value, i]).sort((one, other) => one[0] - other[0]), found = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end][0] === sorted[start][0]) end++;
    for (let k = start; k < end; k++) found[sorted[k][1]] = (start + end - 1) / 2;
    start = end;
  }
  return found;
}

// How each param goes with the metric: by value, by rank, and for words by the share of the spread between their groups.
export function correlations(metric) {
  const y = column(metric);
  return ids("params").filter(differs).map((id) => {
    const x = column(id), found = pairs(x, y);
    if (found.length < 3) return null;
    if (x.numeric) {
      const [rx, ry] = [ranks(found.map((pair) => pair.x)), ranks(found.map((pair) => pair.y))];
      return { id, name, label: x.label, runs: found.length, value: trend(found)?.r ?? 0, rank: trend(rx.map((place, i) => ({ x: place, y: ry[i] })))?.r ?? 0 };
    }
    const mean = (list) => list.reduce((sum, pair) => sum + pair.y, 0) / list.length, all = mean(found);
    const total = found.reduce((sum, pair) => sum + (pair.y - all) ** 2, 0);
    const between = [...Map.groupBy(found, (pair) => pair.x).values()].reduce((sum, group) => sum + group.length * (mean(group) - all) ** 2, 0);
    return { id, name, label: x.label, runs: found.length, share: total > 0 ? Math.sqrt(between / total) : 0 };
  }).filter(Boolean).sort((one, other) => Math.abs(other.rank ?? other.share) - Math.abs(one.rank ?? one.share));
}

export function quartiles(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return [0, 0.25, 0.5, 0.75, 1].map((share) => { const at = share * (sorted.length - 1), low = Math.floor(at); return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low); });
}

// The axes that a kind of plot wants of what is chosen: a contour is a height over two params,
export const ofContour = ({ x, y, colour }, params) => (y === colour ? { y: params.find((id) => id !== x) ?? y } : {});

// and a box shows a metric by a param that several runs have in common.
export function ofBox({ x, y }, params, metrics, metric) {
  const values = (id) => new Set(column(id).values).size;
  const shared = params.filter((id) => values(id) < compared.runs.length).toSorted((one, other) => values(one) - values(other));
  return { ...(metrics.includes(y) || !metric ? {} : { y: metric }), ...(values(x) < compared.runs.length || !shared.length ? {} : { x: shared[0] }) };
}
