// Rows of a tree open in place: folders to what is in them, runs to their children. Which folders are open is remembered.
// Reads: data-unfolds (where the rows below come from), data-folder and data-inside of rows, data-remembers of the table.
// Writes: localStorage "folders".
import { ask, parsed } from "./ask-server.js";
import { failedRow } from "./failed-part.js";

const button = (row) => row.querySelector("[data-unfolds]");

function remembered() {
  try {
    return new Set(JSON.parse(localStorage.getItem("folders") ?? "[]"));
  } catch {
    return new Set();
  }
}

function remember(folder, open) {
  const all = remembered();
  if (open) all.add(folder);
  else all.delete(folder);
  try {
    localStorage.setItem("folders", JSON.stringify([...all].slice(-200)));
  } catch {
    // For this page only, then.
  }
}

async function unfold(row) {
  const opener = button(row);
  if (opener.getAttribute("aria-expanded") === "true") return;
  opener.setAttribute("aria-expanded", "true");
  if (row.nextElementSibling?.matches(".failed")) row.nextElementSibling.remove();
  const waiting = document.createElement("tr");
  waiting.dataset.inside = row.dataset.folder;
  waiting.innerHTML = `<th colspan="${row.cells.length}"><span class="skeleton"></span></th>`;
  row.after(waiting);
  try {
    const rows = [...parsed(await ask(opener.dataset.unfolds, { as: "html", busy: waiting })).querySelectorAll("tr")];
    const depth = Math.min(8, Number(row.querySelector("[data-depth]").dataset.depth) + 1);
    for (const inner of rows) inner.querySelector("[data-depth]").dataset.depth = depth;
    waiting.replaceWith(...rows);
    window.htmx?.process(row.parentElement);
    document.dispatchEvent(new CustomEvent("htmx:afterSwap", { detail: { target: row.parentElement } })); // times, as after any part
    const open = remembered();
    for (const inner of rows.filter((found) => open.has(found.dataset.folder))) unfold(inner);
  } catch (error) {
    const failed = failedRow("This could not be opened", error, () => unfold(row), row.cells.length);
    failed.dataset.inside = row.dataset.folder;
    waiting.replaceWith(failed);
    opener.setAttribute("aria-expanded", "false");
  }
}

function fold(row) {
  button(row).setAttribute("aria-expanded", "false");
  for (const inner of document.querySelectorAll("tr[data-inside]")) {
    if (inner !== row && inner.dataset.inside.startsWith(row.dataset.folder)) inner.remove();
  }
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-unfolds]");
  if (!opener) return;
  const row = opener.closest("tr");
  const open = opener.getAttribute("aria-expanded") !== "true";
  if (row.closest("[data-remembers]")) remember(row.dataset.folder, open);
  if (open) unfold(row);
  else fold(row);
});

const open = remembered();
for (const row of document.querySelectorAll("[data-remembers] tr[data-folder]")) if (open.has(row.dataset.folder)) unfold(row);
