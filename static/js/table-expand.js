// A group opens to its runs, a run to the runs nested in it: asked for when it is opened, a window at a time.
// Reads: [data-members] in tr[data-group][data-within], [data-children] in tr[data-run]. Writes: tbody[data-window][data-within].
import { failedRow } from "./failed-part.js";
import { fetchRows, rowsAdded, runs } from "./table-state.js";

const made = new Map(); // filter of the members to the bodies that hold them

function filterOf(row) {
  return row.dataset.within ?? `tags.\`mlflow.parentRunId\` = '${row.dataset.run}'`;
}

// A table body cannot stand inside another one: what follows the row moves into a body of its own.
function split(row) {
  const body = row.parentNode;
  const rest = body.cloneNode(false);
  while (row.nextElementSibling) rest.append(row.nextElementSibling);
  if (body.matches("[data-window]")) {
    rest.dataset.before = "";
    body.dataset.after = "";
  }
  if (rest.rows.length || rest.dataset.after) body.after(rest);
  return body;
}

// The shape of a row where the rows will stand, for who has waited a fifth of a second.
function waiting(behind) {
  const body = document.createElement("tbody");
  body.innerHTML = '<tr class="waiting"><td colspan="200"><span class="skeleton"></span></td></tr>';
  const timer = setTimeout(() => behind.after(body), 200);
  return { end: () => { clearTimeout(timer); body.remove(); } };
}

async function open(button, row, more = {}, behind = split(row)) {
  const depth = Number(row.dataset.depth ?? 0) + 1;
  const waits = waiting(behind);
  try {
    const body = await fetchRows({ within: filterOf(row), depth, ...more }, { busy: button });
    made.set(filterOf(row), [...(made.get(filterOf(row)) ?? []), body]);
    if (body.dataset.after) body.append(rest(button, row, body));
    behind.after(body);
    button.setAttribute("aria-expanded", "true");
    rowsAdded(body);
  } catch (error) {
    const made = document.createElement("tbody");
    made.append(failedRow("These runs could not be loaded", error, () => { made.remove(); open(button, row, more, behind); }, 200));
    behind.after(made);
  } finally {
    waits.end();
  }
}

function rest(button, row, body) {
  const line = Object.assign(document.createElement("tr"), { className: "rest" });
  const cell = Object.assign(document.createElement("td"), { colSpan: 200 });
  const more = Object.assign(document.createElement("button"), { type: "button", className: "button bare", textContent: "Show more of them" });
  more.addEventListener("click", () => {
    line.remove();
    open(button, row, { after: body.dataset.after }, body);
  });
  cell.append(more);
  line.append(cell);
  return line;
}

function close(button) {
  const filter = filterOf(button.closest("tr"));
  for (const body of made.get(filter) ?? []) {
    for (const inner of body.querySelectorAll("[aria-expanded=true]")) close(inner);
    body.remove();
  }
  made.delete(filter);
  button.setAttribute("aria-expanded", "false");
  document.dispatchEvent(new CustomEvent("rows-removed"));
}

runs.addEventListener("click", (event) => {
  const button = event.target.closest("[data-members], [data-children]");
  if (!button || button.ariaBusy === "true") return;
  if (button.getAttribute("aria-expanded") === "true") close(button);
  else open(button, button.closest("tr"));
});
document.addEventListener("table-shown", () => made.clear());
