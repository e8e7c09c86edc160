// Smoothed values of a line; those that are no number stay so and count for nothing.
// Reads: nothing. `span` is the length of the whole axis, so that zooming does not change what a value becomes.
const WINDOW = 0.2; // of the span, at the strongest

// Weights fade with the distance on the axis, not with the number of points: a thousandth of the span is one unit.
function ema(x, y, amount, span) {
  const weight = Math.min(amount, 0.999);
  const found = new Float64Array(y.length).fill(NaN);
  let sum = 0, total = 0, before = NaN;
  for (let i = 0; i < y.length; i++) {
    if (Number.isNaN(y[i])) continue;
    const fade = Number.isNaN(before) ? 0 : Math.sqrt(weight) ** (((x[i] - before) / span) * 1000);
    sum = sum * fade + y[i];
    total = total * fade + 1;
    before = x[i];
    found[i] = sum / total;
  }
  return found;
}

function mean(x, y, amount, span) {
  const half = (amount * WINDOW * span) / 2;
  const found = new Float64Array(y.length).fill(NaN);
  let sum = 0, count = 0, start = 0, end = 0;
  for (let i = 0; i < y.length; i++) {
    for (; end < y.length && x[end] <= x[i] + half; end++) if (!Number.isNaN(y[end])) { sum += y[end]; count++; }
    for (; x[start] < x[i] - half; start++) if (!Number.isNaN(y[start])) { sum -= y[start]; count--; }
    if (!Number.isNaN(y[i])) found[i] = sum / count;
  }
  return found;
}

function gauss(x, y, amount, span) {
  const sigma = (amount * WINDOW * span) / 4;
  const found = new Float64Array(y.length).fill(NaN);
  let start = 0;
  for (let i = 0; i < y.length; i++) {
    while (x[start] < x[i] - 3 * sigma) start++;
    if (Number.isNaN(y[i])) continue;
    let sum = 0, total = 0;
    for (let j = start; j < y.length && x[j] <= x[i] + 3 * sigma; j++) {
      if (Number.isNaN(y[j])) continue;
      const weight = sigma > 0 ? Math.exp(-((x[j] - x[i]) ** 2) / (2 * sigma ** 2)) : Number(j === i);
      sum += y[j] * weight;
      total += weight;
    }
    found[i] = sum / total;
  }
  return found;
}

const KINDS = { ema, mean, gauss };

export function smoothed(x, y, kind, amount, span) {
  if (!KINDS[kind] || !(amount > 0) || !(span > 0) || y.length < 3) return y;
  return KINDS[kind](x, y, amount, span);
}
