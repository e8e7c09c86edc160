// The table of logged models beside its charts: which ones are drawn, in which colours, and both ways which one is pointed at.
// Reads: #shown-runs (JSON), tr[data-model] with an id and data-look in [data-models] with [data-eye]; hidden of the query.
// Sends and hears: "runs-shown", "run-hover" on the document.
import { lookClasses, settle } from "./run-looks.js";
import { note, query } from "./table-state.js";

const table = document.querySelector("[data-models]");
const rows = () => table.querySelectorAll("tr[data-model]");

function tell() {
  const hidden = new Set(query().getAll("hidden")), island = document.getElementById("shown-runs");
  const list = settle(JSON.parse(island.textContent).map((model) => ({ ...model, hidden: hidden.has(model.id) })));
  const looks = new Map(list.map((model) => [model.id, model.look]));
  for (const row of rows()) {
    const on = hidden.has(row.id), look = looks.get(row.id) ?? Number(row.dataset.look);
    row.classList.toggle("eyed", on);
    row.querySelector("[data-eye]").setAttribute("aria-pressed", String(on));
    row.querySelector(".eye .swatch").className = `swatch ${lookClasses(look)}`;
  }
  island.textContent = JSON.stringify(list);
  document.dispatchEvent(new CustomEvent("runs-shown", { detail: { runs: list } }));
}

function turn(row) {
  const hidden = new Set(query().getAll("hidden")), id = row.id;
  if (!hidden.delete(id)) hidden.add(id);
  note({ hidden: [...hidden] });
  tell();
}

let over = null;
function hover(id) {
  if (id === over) return;
  over = id;
  document.dispatchEvent(new CustomEvent("run-hover", { detail: { id, from: "table" } }));
}

if (table) {
  table.addEventListener("click", (event) => { if (event.target.closest("[data-eye]")) turn(event.target.closest("tr")); });
  table.addEventListener("pointerover", (event) => hover(event.target.closest("tr[data-model]")?.id ?? null));
  table.addEventListener("pointerleave", () => hover(null));
  document.addEventListener("run-hover", ({ detail }) => {
    for (const row of rows()) row.classList.toggle("hovered", row.id === detail?.id && detail.from !== "table");
  });
  document.addEventListener("htmx:afterSwap", tell); // the page was put anew
  tell();
}
