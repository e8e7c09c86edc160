// The data of a panel as a table, and as CSV: every part that is drawn, with its exact extremes.
// Reads: dialog#chart-table (caption, thead, tbody inside). Expects a panel: {key, plot, data}.
import { noun } from "./charts-noun.js";
import { fillGroup, fillGroups, rowsOfGroups } from "./group-table.js";
import { axisName, cell, exact, headed, quoted, special } from "./panel-cells.js";
import { EMPTY } from "./panel-data.js";
import { save } from "./panel-export.js";
import { figure, place } from "./panel-scales.js";

const ROWS = 400;

// One run: its parts. Several: each run with what its line holds.
export function fill(dialog, panel) {
  const { shown } = panel.plot, table = dialog.querySelector("table");
  dialog.querySelector("h2").textContent = panel.key;
  table.tHead.replaceChildren();
  table.tBodies[0].replaceChildren();
  const number = "number", single = shown.lines.length === 1 ? shown.lines[0] : null;
  table.caption.textContent = single ? `${panel.key} of ${single.name || single.id}` : `${panel.key} of ${shown.grouped ? panel.note : `${shown.lines.length} ${noun.many}`}`;
  if (shown.grouped) { (single ? fillGroup : fillGroups)(table, shown, ROWS); return; }
  if (single) {
    headed(table, [[shown.axis === "step" ? "Step" : "From", number], ["Value", number], ["Smallest", number], ["Largest", number], ["Not finite", ""]]);
    for (let i = 0; i < Math.min(single.x.length, ROWS); i++) {
      const row = table.tBodies[0].insertRow();
      row.append(Object.assign(cell("th", place(shown.axis, single.x[i]).replace("step ", ""), number), { scope: "row" }));
      for (const values of [single.y, single.low, single.high]) row.append(Object.assign(cell("td", figure(values[i]), number), { title: String(values[i]) }));
      row.append(cell("td", special(single.flags[i])));
    }
    return;
  }
  headed(table, [[noun.title, ""], ["Points", number], ["Last value", number], ["Smallest", number], ["Largest", number], ["NaN", number]]);
  for (const line of shown.lines) {
    const row = table.tBodies[0].insertRow(), finite = (values) => values.filter((value) => !Number.isNaN(value));
    const extremes = [finite(line.low).reduce((a, b) => Math.min(a, b), Infinity), finite(line.high).reduce((a, b) => Math.max(a, b), -Infinity)];
    row.append(Object.assign(cell("th", line.name || line.id), { scope: "row" }), cell("td", line.points.toLocaleString("en").replaceAll(",", "\u202f"), number));
    for (const value of [finite(line.y).at(-1), ...extremes]) row.append(Object.assign(cell("td", figure(value), number), { title: String(value) }));
    row.append(cell("td", String(line.nan), number));
  }
}

export function csv(panel) {
  const { shown } = panel.plot, x = axisName(shown);
  if (shown.grouped) return save(`${panel.key}.csv`, rowsOfGroups(shown), "text/csv");
  const rows = [[noun.one.replace(" ", "_"), noun.id, x, "value", "min", "max", "not_finite", ...(shown.lines.some((line) => line.smooth) ? ["smoothed"] : [])].map(quoted).join(",")];
  for (const line of shown.lines) {
    for (let i = 0; i < line.x.length; i++) {
      const smooth = line.smooth ? [exact(line.smooth[i])] : [];
      const values = line.flags[i] & EMPTY ? ["", "", ""] : [line.y[i], line.low[i], line.high[i]].map(exact);
      rows.push([quoted(line.name || ""), line.id, exact(line.x[i]), ...values, special(line.flags[i]).replace("∞", "inf"), ...smooth].join(","));
    }
  }
  return save(`${panel.key}.csv`, `${rows.join("\n")}\n`, "text/csv");
}
