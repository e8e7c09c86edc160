// Points at a run's column in the comparison while its line is pointed at, and the other way round; submits the form by itself.
// Reads: table.compared (a column per run of #shown-runs), form selects and boxes in .differences.
import { fromPage, onPoint, point } from "./panel-runs.js";

const table = document.querySelector("table.compared");
const ids = fromPage().map((run) => run.id);

const columnOf = (cell) => (cell && !cell.closest(".title") ? cell.cellIndex - 1 : -1);
table.addEventListener("pointerover", (event) => point(ids[columnOf(event.target.closest("td, thead th"))] ?? null));
table.addEventListener("pointerleave", () => point(null));
onPoint((id) => {
  const column = ids.indexOf(id);
  for (const heading of table.tHead.rows[0].cells) heading.classList.toggle("pointed", heading.cellIndex - 1 === column && column >= 0);
});
// The charts and plots stay as the address says.
document.querySelector(".differences form").addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of new URLSearchParams(location.search)) if (name === "charts" || name === "plot") formData.set(name, value);
});
document.querySelector(".differences form").addEventListener("change", (event) => event.target.form.requestSubmit());
