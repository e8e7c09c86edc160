// A focused chart is read by keyboard: left and right move its cursor from point to point, and what stands there is said.
// Reads: figures with data-key; #live. Expects a pane: {element, panels}.
const MOST = 60; // stops along a line

// Where the cursor stops: the points of the longest line, or of lines that are one point each their own.
function stops({ dotted, lines, first, last }) {
  const longest = lines.reduce((one, other) => (other.x.length > one.x.length ? other : one));
  const found = (dotted ? lines.map((line) => line.x[0]) : [...longest.x]).filter((x) => x >= first && x <= last).sort((a, b) => a - b);
  const every = Math.ceil(found.length / MOST);
  return found.filter((_, i) => i % every === 0);
}

function read({ tooltip: { element } }) {
  const rows = [...element.querySelectorAll("tr")].map((row) => [...row.cells].map((cell) => cell.textContent).filter(Boolean).join(" "));
  const text = [element.querySelector("caption")?.textContent, ...rows, element.querySelector("p")?.textContent].filter(Boolean).join(", ");
  document.getElementById("live").textContent = element.hidden ? "No value here" : text;
}

export function wireReading(pane) {
  const panelOf = (event) => (event.target.matches("figure[data-key]") ? pane.panels.get(event.target.dataset.key) : null);
  pane.element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], panel = panelOf(event);
    if (!by || !panel?.plot || event.altKey || event.shiftKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { uplot, shown } = panel.plot, all = stops(shown), at = panel.reads ?? (by > 0 ? -Infinity : Infinity);
    const x = by > 0 ? all.find((stop) => stop > at) : all.findLast((stop) => stop < at);
    if (x === undefined) return;
    panel.reads = x;
    const y = shown.dotted ? shown.lines.find((line) => line.x[0] === x)?.y[0] : NaN;
    uplot.setCursor({ left: uplot.valToPos(x, "x"), top: Number.isFinite(y) ? uplot.valToPos(y, "y") : uplot.over.clientHeight / 2 });
    read(panel);
  });
  pane.element.addEventListener("focusout", (event) => {
    const panel = panelOf(event);
    if (panel?.reads === undefined || panel === null) return;
    delete panel.reads;
    panel.plot?.uplot.setCursor({ left: -10, top: -10 });
  });
}
