// What each kind of plot of the compared runs is made of, as options of ECharts.
// Reads: nothing. Text is drawn on the canvas: no name of a run becomes HTML.
import { column, compared, drawn, pairs, quartiles, RUN, trend } from "./plot-data.js";
import { figure } from "./panel-scales.js";
import { colourOfLook, patternOf } from "./run-looks.js";

const GRID = 40;
const three = (value) => figure(+value.toPrecision(3));

const shown = (col, value) => (value === null || value === undefined ? "–" : col.numeric ? figure(value) : String(col.categories[value]));
const typeOf = (col) => (col.log ? "log" : col.numeric ? "value" : "category");
const inside = (col) => { const [min, max] = extent(col.values); return { min: min / 1.2, max: max * 1.2 }; }; // else whole powers of ten
const axisOf = (col, look) => ({ ...look.axis, name: col.label, nameLocation: "middle", nameGap: 32, type: typeOf(col), data: col.numeric ? undefined : col.categories, scale: true, ...(col.log ? inside(col) : {}) });
const extent = (values) => { const found = values.filter((value) => value !== null); return [Math.min(...found), Math.max(...found)]; };

function scaleOf(col, look, dimension, more = {}) {
  const [min, max] = extent(col.values);
  return { type: "continuous", dimension, min, max: max > min ? max : min + 1, right: 8, top: "middle", text: [col.label, ""], textStyle: look.text, precision: 4, formatter: figure, inRange: { color: look.ramp }, ...more };
}

// Where the axes are, and texts cut at the next one.
const spread = (count, { width }, [left, right] = width < 520 ? [28, 108] : [60, 110]) => ({ left, right, cut: { width: Math.max(24, Math.min(120, Math.floor((width - left - right) / Math.max(1, count - 1)) - 10)), overflow: "truncate" } });

export function parallel({ axes, colour }, look) {
  const columns = axes.map(column), by = column(colour), all = by.id === RUN || columns.some((col) => col.id === by.id) ? columns : [...columns, by];
  const { left, right, cut } = spread(all.length, look);
  return {
    columns: all,
    parallel: { left, right, top: 48, bottom: 28, axisExpandable: false, parallelAxisDefault: { ...look.axis, nameLocation: "end", nameGap: 14, nameTextStyle: { ...look.text, ...cut }, areaSelectStyle: { width: 14, borderColor: look.accent, color: look.accent, opacity: 0.25 } } },
    parallelAxis: all.map((col, dim) => ({ dim, name: col.label, type: typeOf(col), scale: true, ...(col.log ? inside(col) : {}), data: col.numeric ? undefined : col.categories, axisLabel: { ...look.text, ...cut, textBorderColor: look.surface, textBorderWidth: 3, hideOverlap: true, formatter: col.numeric ? figure : undefined } })),
    visualMap: by.numeric ? scaleOf(by, look, all.findIndex((col) => col.id === by.id), { text: undefined }) : undefined, // an axis has its name
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }) => [drawn(compared.runs[dataIndex].name), ...all.map((col) => `${col.label}: ${shown(col, col.values[dataIndex])}`)].join("\n") },
    series: [{ type: "parallel", smooth: false, inactiveOpacity: 0.04, activeOpacity: 0.9, lineStyle: { width: 1.5, opacity: 0.7, color: by.numeric ? undefined : look.accent }, emphasis: { lineStyle: { width: 3.5, opacity: 1 } }, data: compared.runs.map(({ look: own }, i) => { const value = all.map((col) => (col.values[i] === null ? "-" : col.numeric ? col.values[i] : col.categories[col.values[i]])); return by.id === RUN ? { value, lineStyle: { color: colourOfLook(own), type: patternOf(own) ?? "solid" } } : value; }) }],
  };
}

const tip = (found, x, y, more = () => []) => ({ dataIndex, seriesType }) => {
  if (seriesType !== "scatter") return "";
  const { run, i } = found[dataIndex];
  return [drawn(run.name), `${x.label}: ${shown(x, x.values[i])}`, `${y.label}: ${shown(y, y.values[i])}`, ...more(i)].filter(Boolean).join("\n");
};

export function scatter({ x: xId, y: yId, colour }, look) {
  const [x, y, by] = [column(xId), column(yId), column(colour)], found = pairs(x, y), line = x.numeric && y.numeric ? trend(found.map((pair) => ({ x: x.to(pair.x), y: y.to(pair.y) }))) : null;
  const ends = line ? extent(found.map((pair) => x.to(pair.x))).map((at) => [x.from(at), y.from(line.start + line.slope * at)]) : [];
  const rate = line && (y.log ? `is multiplied by ${three(10 ** line.slope)}` : `changes by ${three(line.slope)}`), each = x.log ? "each factor of 10" : "each 1";
  return {
    said: line ? `Trend: ${y.name} ${rate} for ${each} of ${x.name}; r = ${three(line.r)}, ${found.length} runs` : `${found.length} runs`,
    grid: look.grid, xAxis: axisOf(x, look), yAxis: { ...axisOf(y, look), nameGap: 48 },
    visualMap: by.numeric ? scaleOf(by, look, 2, { seriesIndex: 0 }) : undefined,
    tooltip: { ...look.tooltip, formatter: tip(found, x, y, (i) => [by.id !== RUN && `${by.label}: ${shown(by, by.values[i])}`]) },
    series: [
      { type: "scatter", symbolSize: 10, itemStyle: { opacity: 0.85, color: by.numeric ? undefined : look.accent }, data: found.map(({ run, x: a, y: b, i }) => (by.id === RUN ? { value: [a, b, i], itemStyle: { color: colourOfLook(run.look) } } : [a, b, by.values[i]])) },
      { type: "line", silent: true, symbol: "none", lineStyle: { type: "dashed", color: look.text.color, width: 1.5 }, data: ends },
    ],
  };
}

export function contour({ x: xId, y: yId, colour }, look) {
  const [x, y, z] = [column(xId), column(yId), column(colour)];
  if (!x.numeric || !y.numeric || !z.numeric) return { said: "A contour needs numbers on both axes and as colour: choose others.", series: [] };
  const found = pairs(x, y).filter(({ i }) => z.values[i] !== null), [x0, x1] = extent(found.map((pair) => x.to(pair.x))), [y0, y1] = extent(found.map((pair) => y.to(pair.y)));
  if (!(x1 > x0) || !(y1 > y0)) return { said: "A contour needs runs at different places on both axes.", series: [] };
  const cells = [];
  for (let a = 0; a < GRID; a++) {
    for (let b = 0; b < GRID; b++) {
      let sum = 0, total = 0; // near runs weigh most: by the square of the distance
      for (const pair of found) {
        const weight = 1 / (((x.to(pair.x) - x0) / (x1 - x0) - (a + 0.5) / GRID) ** 2 + ((y.to(pair.y) - y0) / (y1 - y0) - (b + 0.5) / GRID) ** 2 + 1e-4);
        sum += weight * z.values[pair.i];
        total += weight;
      }
      cells.push([a, b, sum / total]);
    }
  }
  const step = (col, low, high) => Array.from({ length: GRID }, (_, k) => figure(+col.from(low + ((high - low) * (k + 0.5)) / GRID).toPrecision(3)));
  const at = (value, low, high) => ((value - low) / (high - low)) * GRID - 0.5;
  return {
    said: `${z.label} between ${found.length} runs, estimated from the nearest ones`,
    grid: look.grid,
    xAxis: [{ ...axisOf(x, look), ...sparse(look), data: step(x, x0, x1) }, { type: "value", min: -0.5, max: GRID - 0.5, show: false }],
    yAxis: [{ ...axisOf(y, look), ...sparse(look), data: step(y, y0, y1), nameGap: 48 }, { type: "value", min: -0.5, max: GRID - 0.5, show: false }],
    visualMap: scaleOf(z, look, 2, { type: "piecewise", splitNumber: 10, seriesIndex: 0, text: undefined, calculable: undefined }),
    tooltip: { ...look.tooltip, formatter: tip(found, x, y, (i) => [`${z.label}: ${figure(z.values[i])}`]) },
    series: [{ type: "heatmap", silent: true, data: cells }, { type: "scatter", xAxisIndex: 1, yAxisIndex: 1, symbolSize: 8, itemStyle: { color: look.text.color, borderColor: look.surface, borderWidth: 1 }, data: found.map((pair) => [at(x.to(pair.x), x0, x1), at(y.to(pair.y), y0, y1)]) }],
  };
}

const sparse = (look) => ({ type: "category", axisLabel: { ...look.text, interval: 7 }, splitLine: { show: false } });

export function box({ x: xId, y: yId }, look) {
  const [x, y] = [column(xId), column(yId)], found = pairs(x, y), groups = [...Map.groupBy(found, (pair) => pair.x)].sort(([one], [other]) => one - other);
  const names = groups.map(([value]) => shown(x, value)), place = new Map(groups.map(([value], i) => [value, i]));
  return {
    said: `${y.label} by ${x.label}: smallest, quarters and largest of each group`,
    grid: look.grid, xAxis: { ...axisOf(x, look), type: "category", data: names }, yAxis: { ...axisOf(y, look), type: "value", nameGap: 48 },
    tooltip: { ...look.tooltip, formatter: tip(found, x, y) },
    series: [{ type: "boxplot", silent: true, itemStyle: { color: look.soft, borderColor: look.accent }, data: groups.map(([, group]) => quartiles(group.map((pair) => pair.y))) }, { type: "scatter", symbolSize: 7, itemStyle: { color: look.accent, opacity: 0.6 }, data: found.map((pair) => [place.get(pair.x), pair.y]) }],
  };
}
