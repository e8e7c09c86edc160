// From values to pixels and to words: ranges, ticks, and how figures are written on an axis.
// Reads: nothing.
import { timeWhole } from "./panel-times.js";

export const figure = (value) => figureOf(value, 5);

export function figureOf(value, digits) {
  if (value == null || Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "-∞";
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) return value.toExponential(digits - 2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(+value.toPrecision(digits));
}

export const grouped = (step) => (Number.isInteger(step) ? step.toLocaleString("en").replaceAll(",", "\u202f") : figure(step));

export function duration(ms) {
  const seconds = Math.abs(ms) / 1000, sign = ms < 0 ? "-" : "";
  if (seconds < 60) return `${sign}${+seconds.toPrecision(3)} s`;
  const minutes = seconds / 60, hours = minutes / 60;
  if (minutes < 60) return `${sign}${Math.floor(minutes)} m${seconds % 60 >= 1 ? ` ${Math.floor(seconds % 60)} s` : ""}`;
  if (hours < 48) return `${sign}${Math.floor(hours)} h${minutes % 60 >= 1 ? ` ${String(Math.floor(minutes % 60)).padStart(2, "0")} m` : ""}`;
  return `${sign}${+(hours / 24).toFixed(1)} d`;
}

export function place(axis, x) {
  if (axis === "time") return timeWhole(x);
  if (axis === "relative") return duration(x);
  if (axis === "place") return `place ${x}`;
  return axis === "step" ? `step ${grouped(x)}` : figure(x);
}

export const AXIS_TITLES = { step: "Step", time: "Time", relative: "Time since start" };

export function logTicks(low, high) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
  if (to - from <= 1 && high / low < 5) return linearTicks(low, high, 5);
  const every = Math.max(1, Math.ceil((to - from) / 8)), found = [];
  for (let power = from; power <= to; power += every) for (const factor of to - from <= 2 ? [1, 2, 5] : [1]) found.push(+`${factor}e${power}`);
  return found.filter((tick) => tick >= low && tick <= high);
}

export function linearTicks(low, high, number) {
  const rough = (high - low) / number, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high && found.length < 50; tick += step) found.push(+tick.toPrecision(12));
  return found;
}

const STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * 1000).concat([1, 2, 5, 10, 15, 30].map((n) => n * 60_000), [1, 2, 3, 6, 12].map((n) => n * 3_600_000));

// Ticks of durations fall on whole seconds, minutes, hours and days.
export function durationTicks(low, high, number) {
  const step = STEPS.find((candidate) => candidate >= (high - low) / number);
  if (high - low < 5000) return linearTicks(low, high, number);
  if (!step) return linearTicks(low / 86_400_000, high / 86_400_000, number).map((days) => days * 86_400_000);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) found.push(tick);
  return found;
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))];
}

// The y axis for what is drawn: everything, or without outliers what lies between the 2.5th and the 97.5th of a hundred values.
export function rangeOf(lines, first, last, log, clip) {
  let low = Infinity, high = -Infinity;
  const values = [];
  for (const line of lines) {
    for (let i = 0; i < line.x.length; i++) {
      if (line.x[i] < first || line.x[i] > last || Number.isNaN(line.y[i])) continue;
      if (clip) { if (!log || line.y[i] > 0) values.push(line.y[i]); continue; }
      if (line.high[i] > high) high = line.high[i];
      const least = log && line.low[i] <= 0 ? line.y[i] : line.low[i];
      if (least < low && (!log || least > 0)) low = least;
    }
  }
  if (clip && values.length) {
    values.sort((a, b) => a - b);
    [low, high] = [quantile(values, 0.025), quantile(values, 0.975)];
  }
  if (!(low <= high)) return log ? [0.1, 1] : [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low * (low / high) ** 0.04, high * (high / low) ** 0.04];
  const span = high / 2 - low / 2; // half: the largest doubles may lie as far apart as they can
  const room = span > 0 ? span * 0.1 : Math.abs(low) * 0.1 || 0.5;
  return [Math.max(-Number.MAX_VALUE / 4, low - room), Math.min(Number.MAX_VALUE / 4, high + room)];
}

// A function from values to pixels between `from` and `to`.
export function scale(first, last, from, to, log) {
  if (log) {
    const a = Math.log(first), b = Math.log(last);
    return (value) => (value > 0 ? from + ((Math.log(value) - a) / (b - a || 1)) * (to - from) : -1e6);
  }
  const factor = (to - from) / (last - first || 1);
  return (value) => from + (value - first) * factor;
}
