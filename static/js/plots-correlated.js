// The table of how each param goes with a metric, beside the plots over all compared runs. Imported by plots-shown.js.
// Reads: [data-correlations] with its tbody. Writes: into it and [data-said].
import { correlations } from "./plot-data.js";
import { figure } from "./panel-scales.js";

export function correlated(root, metric) {
  const one = (selector) => root.querySelector(selector);
  const rows = correlations(metric).map((found) => {
    const row = document.createElement("tr"), number = found.rank ?? found.share;
    const bar = Object.assign(document.createElement("i"), { className: number < 0 ? "bar negative" : "bar" });
    bar.style.width = `${Math.abs(number) * 100}px`;
    const cells = [found.rank === undefined ? "–" : figure(found.rank), found.value === undefined ? "–" : figure(found.value), found.share === undefined ? "–" : figure(found.share), String(found.runs)];
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: found.label }), ...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text, className: "number" })), document.createElement("td"));
    row.lastChild.append(bar);
    return row;
  });
  one("[data-correlations] tbody").replaceChildren(...rows);
  one("[data-said]").textContent = rows.length ? `How each param that differs goes with ${metric.slice(metric.indexOf(".") + 1)}` : "It takes three runs with different params to correlate them.";
}
