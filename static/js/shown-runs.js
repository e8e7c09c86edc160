// Tells the charts which runs the table shows, and both ways which one is pointed at.
// Reads: #shown-runs (JSON), tr[data-run][data-look][data-picked] of #runs. Sends and hears: "runs-shown", "run-hover" on the document.
import { lookClasses, settle } from "./run-looks.js";
import { runs, whenShown } from "./table-state.js";

let before = "";
let grouped = []; // the runs that the server names where the table shows groups: opened ones are among them, or join them

function shown() {
  const found = new Map(grouped.map((run) => [run.id, run]));
  for (const row of runs.querySelectorAll("tr[data-run]")) {
    const link = row.querySelector("th a");
    found.set(row.dataset.run, {
      id: row.dataset.run,
      name: link?.title ?? "",
      look: Number(row.dataset.look),
      picked: "picked" in row.dataset,
      hidden: row.classList.contains("eyed"),
      pinned: found.get(row.dataset.run)?.pinned || !!row.closest("[data-tops]"),
    });
  }
  return settle([...found.values()]);
}

// In the rows as in the charts: one look for one run.
function paint(list) {
  const looks = new Map(list.map((run) => [run.id, run.look]));
  for (const row of runs.querySelectorAll("tr[data-run]")) {
    const look = looks.get(row.dataset.run);
    if (Number(row.dataset.look) === look) continue;
    row.dataset.look = look;
    row.querySelector(".eye .swatch").className = `swatch ${lookClasses(look)}`;
  }
}

function tell() {
  const list = shown();
  paint(list);
  const text = JSON.stringify(list);
  if (text === before) return;
  before = text;
  const island = document.getElementById("shown-runs");
  if (island) island.textContent = text;
  document.dispatchEvent(new CustomEvent("runs-shown", { detail: { runs: list } }));
}

let over = null;
function hover(id) {
  if (id === over) return;
  over = id;
  document.dispatchEvent(new CustomEvent("run-hover", { detail: { id, from: "table" } }));
}
runs.addEventListener("pointerover", (event) => hover(event.target.closest("tr[data-run]")?.dataset.run ?? null));
runs.addEventListener("pointerleave", () => hover(null));
document.addEventListener("run-hover", (event) => {
  for (const row of runs.querySelectorAll("tr.hovered")) row.classList.remove("hovered");
  const id = event.detail?.id;
  if (id && event.detail.from !== "table") runs.querySelector(`tr[data-run="${CSS.escape(id)}"]`)?.classList.add("hovered");
});

for (const name of ["rows-added", "marks", "rows-removed"]) document.addEventListener(name, tell);
whenShown(() => {
  grouped = runs.querySelector("[data-groups]") ? JSON.parse(document.getElementById("shown-runs").textContent) : [];
  tell();
});
