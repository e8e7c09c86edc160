// Cells of tables and of CSV files that hold the data of a panel.
// Reads: nothing.
import { DOWN, NAN, UP } from "./panel-data.js";

export const special = (flags) => [[NAN, "NaN"], [UP, "∞"], [DOWN, "-∞"]].filter(([flag]) => flags & flag).map(([, word]) => word).join(" ");

export function cell(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

export function headed(table, names) {
  const row = table.tHead.insertRow();
  for (const [name, className] of names) row.append(Object.assign(cell("th", name, className), { scope: "col" }));
}

// No text is a formula to the program that opens it.
export function quoted(text) {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

export const exact = (value) => (Number.isNaN(value) ? "" : String(value));
export const axisName = (shown) => ({ step: "step", time: "time_ms", relative: "relative_ms", place: "place" })[shown.axis] ?? shown.xTitle;
