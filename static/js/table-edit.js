// A name, a tag or a note is edited where it stands: click twice or choose Edit, Enter saves, Escape leaves it.
// Reads: th[data-column], td and th of tr[data-run]. Changes by change-runs.js, which offers the way back. Sends: "edit-ended".
import { changeRuns } from "./change-runs.js";
import { sayToast } from "./say-toast.js";
import { runs, table } from "./table-state.js";

const FIXED = /^tags\.mlflow\.(source|parentRunId|user|log-model|loggedArtifacts|rootRunId)/;
export const editable = (column) => column === "attributes.run_name" || (column.startsWith("tags.") && !FIXED.test(column));
// The focus goes back to where the text stands, so that the keys of the table go on from there.
function standIn(cell) {
  const place = cell.querySelector("a") ?? cell;
  if (place === cell) cell.tabIndex = -1;
  place.focus({ preventScroll: true });
}
const columnOf = (cell) => table().querySelectorAll("thead th")[cell.cellIndex]?.dataset.column ?? "";

export function editCell(cell) {
  const column = columnOf(cell);
  const name = column === "attributes.run_name";
  const before = name ? cell.querySelector("a").title : cell.classList.contains("none") ? "" : cell.title || cell.textContent.trim();
  // A field of one line would lose line ends, and a long text is only shown in part: its own page holds the whole.
  if (/[\r\n]/.test(before) || before.length > 1900) return location.assign(`${cell.closest("tr").querySelector("th a").href}/edit`);
  const kept = [...cell.childNodes];
  const box = Object.assign(document.createElement("input"), { type: "text", className: "edit", value: before, maxLength: 8000 });
  box.setAttribute("aria-label", name ? "Name of the run" : `Tag ${column.slice(5)}`);
  let done = false, seen = before; // nothing, once it was said that something else stands there
  const leave = () => {
    if (done) return;
    done = true;
    const here = document.activeElement === box;
    cell.replaceChildren(...kept);
    cell.classList.remove("editing");
    if (here) standIn(cell); // whoever went on to something else stays there
    document.dispatchEvent(new CustomEvent("edit-ended"));
  };
  const save = async () => {
    if (done) return; // a field that goes loses the focus, too
    const value = box.value.trim();
    const run_id = cell.closest("tr").dataset.run;
    if (name && !value) sayToast("A run needs a name: it keeps the one that it has.", { bad: true });
    if (value === before || (name && !value)) return leave();
    box.readOnly = true;
    const of = (text) => (name ? { name: text } : { tags: { [column.slice(5)]: text || null } });
    const failed = await changeRuns([{ run_id, ...of(value), ...(seen === null ? {} : { seen: of(seen) }) }]);
    if (!failed) return leave();
    box.readOnly = false; // what was typed stays
    if (failed.status === 409) seen = null;
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") save();
    if (event.key === "Escape") leave();
  });
  box.addEventListener("blur", () => !box.readOnly && save());
  cell.classList.add("editing");
  cell.replaceChildren(box);
  box.focus();
  box.select();
}

runs.addEventListener("dblclick", (event) => {
  const cell = event.target.closest("tr[data-run] > *");
  if (cell && !event.target.closest("a, button, input") && editable(columnOf(cell))) editCell(cell);
});
