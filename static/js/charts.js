// Draws each line chart when it comes into view.
// Reads: data-chart (URL of its points), data-tall. Draws with: chart-drawing.js. Expects figure > .readout beside it.
import { chart } from "./chart-drawing.js";

const drawn = new Map();

function say(element, text) {
  element.classList.remove("waiting");
  element.replaceChildren(Object.assign(document.createElement("p"), { className: "said", textContent: text }));
}

function draw(element, data) {
  drawn.get(element)?.plot.destroy();
  element.replaceChildren();
  element.classList.remove("waiting");
  const readout = element.closest("figure").querySelector(".readout");
  drawn.set(element, { plot: chart(element, data, readout), data });
}

async function load(element) {
  try {
    const answer = await fetch(element.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = await answer.json();
    if (data.y.some((value) => value !== null)) draw(element, data);
    else say(element, `No finite value to draw: ${data.note}`);
  } catch {
    say(element, "The points could not be loaded. Reload the page to try again.");
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    load(entry.target);
  }
}, { rootMargin: "300px" });

for (const element of document.querySelectorAll("[data-chart]")) {
  element.classList.add("waiting");
  watcher.observe(element);
}
addEventListener("resize", () => {
  for (const [element, { plot }] of drawn) plot.setSize({ width: element.clientWidth, height: element.clientHeight });
});
document.addEventListener("theme", () => {
  for (const [element, { data }] of drawn) draw(element, data);
});
