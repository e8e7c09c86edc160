// How a line chart looks. Data: {axis, x, y, low?, high?, nan, up, down, note}; y is null where a point is no finite number;
// low and high are the extremes that one pixel hides; nan, up and down are the x of NaN and of the two infinities.
// Reads: the CSS colours of the element (its text colour is the line's).
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function figure(value) {
  if (value == null) return "–";
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) return value.toExponential(3).replace("e+", "e");
  return String(+value.toPrecision(5));
}

const grouped = (step) => step.toLocaleString("en").replaceAll(",", "\u202f");

function place(data, x) {
  return data.axis === "time" ? new Date(x).toLocaleString() : `step ${grouped(x)}`;
}

function marks(data) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const size = 4 * devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px sans-serif`;
    ctx.textAlign = "center";
    const rows = [[data.nan, "×", bbox.top + bbox.height - size, "--warn"], [data.up, "▲", bbox.top + 2.5 * size, "--bad"], [data.down, "▼", bbox.top + bbox.height - size, "--bad"]];
    for (const [places, sign, y, colour] of rows) {
      ctx.fillStyle = token(colour);
      let last = -Infinity; // marks that would lie on each other are drawn once
      for (const place of places) {
        const x = plot.valToPos(place, "x", true);
        if (x - last < size) continue;
        ctx.fillText(sign, x, y);
        last = x;
      }
    }
    ctx.restore();
  };
}

function reader(data, readout) {
  return (plot) => {
    const at = plot.cursor.idx;
    if (at == null) { readout.textContent = data.note; return; }
    const range = data.low && data.low[at] !== data.high[at] ? ` (${figure(data.low[at])} to ${figure(data.high[at])})` : "";
    readout.textContent = `${place(data, data.x[at])}: ${figure(data.y[at])}${range}`;
  };
}

export function chart(element, data, readout) {
  const colour = getComputedStyle(element).color;
  const axis = { stroke: token("--text-quiet"), font: "11px sans-serif", grid: { stroke: token("--line-faint"), width: 1 }, ticks: { show: false } };
  const faint = colour.replace("rgb(", "rgba(");
  const edge = { stroke: faint.replace(")", ", 0.45)"), width: 1, points: { show: false } }; // a spike of one step is only an edge
  const series = [{}, { stroke: colour, width: 1.5, points: { show: data.x.length < 30, size: 5, fill: colour } }];
  if (data.low) series.push(edge, edge);
  readout.textContent = data.note;
  return new uPlot({
    width: element.clientWidth,
    height: element.clientHeight,
    ms: 1,
    legend: { show: false },
    series,
    bands: data.low ? [{ series: [2, 3], fill: faint.replace(")", ", 0.18)") }] : [],
    scales: { x: { time: data.axis === "time" } },
    cursor: { y: false, points: { size: 6 }, sync: { key: data.axis } },
    axes: [
      { ...axis, size: 28, space: 64, ...(data.axis === "time" ? {} : { values: (_, ticks) => ticks.map(grouped) }) },
      { ...axis, size: 54, values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "0" : figure(tick))) },
    ],
    hooks: { draw: [marks(data)], setCursor: [reader(data, readout)] },
  }, data.low ? [data.x, data.y, data.high, data.low] : [data.x, data.y], element);
}
