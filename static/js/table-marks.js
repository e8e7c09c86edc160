// The eye of a row hides its run in the charts; pinned runs stand on top. Both are kept in the URL.
// Reads: [data-eye] and [data-unpin] in tr[data-run]. Sends: "marks" to the document.
import { go, note, query, runs } from "./table-state.js";

const tell = () => document.dispatchEvent(new CustomEvent("marks"));

export function setHidden(ids, hide) {
  const hidden = new Set(query().getAll("hidden"));
  for (const id of ids) hidden[hide ? "add" : "delete"](id);
  note({ hidden: [...hidden] });
  show();
  tell();
}

function show(root = runs) {
  const hidden = new Set(query().getAll("hidden"));
  for (const row of root.querySelectorAll("tr[data-run]")) {
    const on = hidden.has(row.dataset.run);
    row.classList.toggle("eyed", on);
    row.querySelector("[data-eye]")?.setAttribute("aria-pressed", String(on));
  }
}

export const isPinned = (id) => query().getAll("top").includes(id);

export function pin(id, on) {
  const top = query().getAll("top").filter((other) => other !== id);
  return go({ top: on ? [...top, id] : top });
}

runs.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (event.target.closest("[data-eye]")) setHidden([row.dataset.run], !row.classList.contains("eyed"));
  if (event.target.closest("[data-unpin]")) pin(row.dataset.run, false);
});
document.addEventListener("rows-added", (event) => show(event.detail.element));
