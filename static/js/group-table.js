// The data of groups as a table, and as CSV: every figure that the server worked out, whichever of them are drawn.
// Reads: nothing. Lines are as group-bands.js gives them.
import { standardError } from "./group-bands.js";
import { noun } from "./charts-noun.js";
import { axisName, cell, exact, headed, quoted, special } from "./panel-cells.js";
import { figure, place } from "./panel-scales.js";

const FIGURES = [["Mean", (line, i) => line.mean[i]], ["Median", (line, i) => line.median[i]], ["Std", (line, i) => line.std[i]], ["Standard error", standardError], ["Smallest", (line, i) => line.least[i]], ["Largest", (line, i) => line.most[i]]];

const heading = (text) => Object.assign(cell("th", text), { scope: "row" });
const value = (number) => Object.assign(cell("td", figure(number), "number"), { title: String(number) });
const runs = `${noun.title}s`;

// One group: its places.
export function fillGroup(table, shown, most) {
  const [line] = shown.lines;
  headed(table, [[shown.axis === "step" ? "Step" : "From", "number"], ...FIGURES.map(([name]) => [name, "number"]), [runs, "number"], ["Not finite", ""]]);
  for (let i = 0; i < Math.min(line.x.length, most); i++) {
    const row = table.tBodies[0].insertRow(), odd = line.odd[i] ? `${special(line.flags[i])} in ${line.odd[i]}`.trim() : "";
    row.append(Object.assign(heading(place(shown.axis, line.x[i]).replace("step ", "")), { className: "number" }));
    row.append(...FIGURES.map(([, of]) => value(of(line, i))), cell("td", String(line.runs[i]), "number"), cell("td", odd));
  }
}

// Several: each with its last value and its extremes.
export function fillGroups(table, { lines }) {
  headed(table, [["Group", ""], [runs, "number"], ["Last value", "number"], ["Smallest", "number"], ["Largest", "number"]]);
  for (const line of lines) {
    const row = table.tBodies[0].insertRow(), finite = (values) => values.filter((one) => !Number.isNaN(one));
    const ends = [finite(line.least).reduce((a, b) => Math.min(a, b), Infinity), finite(line.most).reduce((a, b) => Math.max(a, b), -Infinity)];
    row.append(heading(line.name), cell("td", line.drawn.toLocaleString("en").replaceAll(",", "\u202f"), "number"), ...[finite(line.y).at(-1), ...ends].map(value));
  }
}

// As CSV: how many runs each figure is of, and how many have NaN or an infinity there.
export function rowsOfGroups(shown) {
  const smooth = shown.lines.some((line) => line.smooth) ? ["smoothed"] : [], names = ["mean", "median", "std", "standard_error", "min", "max"];
  const rows = [["group", axisName(shown), noun.many.replace(" ", "_"), ...names, "not_finite", ...smooth].map(quoted).join(",")];
  for (const line of shown.lines) {
    for (let i = 0; i < line.x.length; i++) {
      const figures = FIGURES.map(([, of]) => exact(of(line, i)));
      rows.push([quoted(line.name), exact(line.x[i]), line.runs[i], ...figures, line.odd[i], ...(line.smooth ? [exact(line.smooth[i])] : [])].join(","));
    }
  }
  return `${rows.join("\n")}\n`;
}
