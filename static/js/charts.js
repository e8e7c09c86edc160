// Draws each line chart when it comes into view. Reads: data-chart (URL of its points), data-label.
// The data is {x, y, low, high, axis}: y is the line, low and high the extremes that one pixel hides, null where nothing is a number.
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();
const shown = (value) => value == null ? "–" : Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : String(+value.toPrecision(6));

function options(element, data) {
  const axis = { stroke: style("--text-quiet"), grid: { stroke: style("--stone-2"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const accent = style("--accent");
  const series = [{ label: data.axis, value: (_, value) => data.axis === "time" && value != null ? new Date(value).toLocaleString() : shown(value) }];
  series.push({ label: "value", stroke: accent, width: 1.5, points: { show: data.x.length < 40 }, value: (_, value) => shown(value) });
  const bands = [];
  if (data.low) {
    series.push({ label: "max", stroke: "transparent", points: { show: false }, value: (_, value) => shown(value) },
      { label: "min", stroke: "transparent", points: { show: false }, value: (_, value) => shown(value) });
    bands.push({ series: [2, 3], fill: accent + "33" });
  }
  return { width: element.clientWidth, height: 190, series, bands, legend: { live: true }, scales: { x: { time: data.axis === "time" } }, ms: 1,
    cursor: { y: false, sync: { key: "step" } },
    axes: [{ ...axis, space: 60 }, { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => tick === 0 ? "0" : Math.abs(tick) >= 1e5 || Math.abs(tick) < 1e-3 ? tick.toExponential(1) : shown(tick)) }] };
}

function draw(element, data) {
  drawn.get(element)?.plot.destroy();
  element.replaceChildren();
  element.classList.remove("waiting");
  const columns = data.low ? [data.x, data.y, data.high, data.low] : [data.x, data.y];
  drawn.set(element, { plot: new uPlot(options(element, data), columns, element), data });
}

async function load(element) {
  try {
    const answer = await fetch(element.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = await answer.json();
    draw(element, data);
    const note = element.parentElement.querySelector("[data-note]");
    if (note) note.textContent = data.note;
  } catch {
    element.classList.remove("waiting");
    element.textContent = "The points could not be loaded. Reload the page to try again.";
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); load(entry.target); }
}, { rootMargin: "300px" });
for (const element of document.querySelectorAll("[data-chart]")) { element.classList.add("waiting"); watcher.observe(element); }
addEventListener("resize", () => { for (const [element, { plot }] of drawn) plot.setSize({ width: element.clientWidth, height: 190 }); });
document.addEventListener("theme", () => { for (const [element, { data }] of drawn) draw(element, data); });
