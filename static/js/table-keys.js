// The keys of the table: j and k go from row to row, x or Space selects (with Shift all between), Enter opens, Escape selects nothing.
// Reads: tr[data-run] of #runs; the keys are listed by elements with data-key-listed in the page.
import { clear, selected, toggle } from "./table-selection.js";
import { runs, table } from "./table-state.js";

const typing = (target) => target.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && target.type !== "checkbox");
const current = () => runs.querySelector("tr.current");

function stand(row) {
  if (!row) return;
  current()?.classList.remove("current");
  row.classList.add("current");
  row.querySelector("th a, [data-members]")?.focus({ preventScroll: true });
  const area = table();
  const box = row.getBoundingClientRect(), view = area.getBoundingClientRect();
  const top = area.querySelector("thead").getBoundingClientRect().bottom;
  if (box.top < top) area.scrollTop -= top - box.top;
  else if (box.bottom > view.bottom) area.scrollTop += box.bottom - view.bottom + 16;
}

function step(by) {
  const rows = [...runs.querySelectorAll("tbody tr[data-run], tbody tr[data-group]")];
  const top = table().querySelector("thead").getBoundingClientRect().bottom;
  const here = document.activeElement?.closest?.("tr[data-run], tr[data-group]") ?? current();
  const at = rows.indexOf(here);
  stand(at < 0 ? rows.find((row) => row.getBoundingClientRect().top >= top - 1) : rows[at + by]);
}

document.addEventListener("keydown", (event) => {
  if (!table() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open], details.menu[open]") || event.target.closest(".popover")) return;
  const row = document.activeElement?.closest?.("#runs tr[data-run]") ?? current();
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "x" && row) toggle(row, event.shiftKey);
  else if (key === " " && row && !event.target.closest("button, summary")) {
    if (event.target.type === "checkbox" && !event.shiftKey) return; // the box does it itself
    toggle(row, event.shiftKey);
  } else if (key === "escape" && selected.size) clear();
  else return;
  event.preventDefault();
});

runs.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (row === current()) return;
  current()?.classList.remove("current");
  row?.classList.add("current");
});
