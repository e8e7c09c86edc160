// What is drawn of a group: its middle as a line, around it a band.
// Reads: nothing. A group's line is as group-data.js has it; `y`, `low` and `high` are put to it.
const around = (middle, half) => [middle.map((y, i) => y - (half(i) || 0)), middle.map((y, i) => y + (half(i) || 0))]; // of one run there is no spread

// `how` is mean or median, `band` std, se, minmax or none.
export function banded(line, how, band) {
  const y = how === "median" ? line.median : line.mean;
  const [low, high] = band === "minmax" ? [line.least, line.most]
    : band === "std" ? around(y, (i) => line.std[i])
    : band === "se" ? around(y, (i) => standardError(line, i)) : [y, y];
  return { ...line, exact: false, y, low, high };
}

export const standardError = (line, i) => line.std[i] / Math.sqrt(line.runs[i]);
