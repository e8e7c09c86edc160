// A heading sorts by its column; with Shift it joins the columns that are sorted by, turns, and goes. Links change the table in place.
// Reads: a[data-sort] in th[data-clause][data-first], a[data-part] (a link to a state of this table).
import { go, query, runs } from "./table-state.js";

const USUAL = ["start_time DESC"];
const without = (clause) => clause.replace(/ (ASC|DESC)$/i, "");

// First as the column likes it, then the other way, then not at all.
function joined(th) {
  const { clause, first } = th.dataset;
  const order = query().getAll("order");
  const list = order.length ? order : USUAL;
  const at = list.findIndex((item) => without(item).replaceAll("`", "") === clause.replaceAll("`", ""));
  if (at < 0) return [...list, `${clause} ${first}`];
  const other = first === "ASC" ? "DESC" : "ASC";
  if (list[at].endsWith(first)) return list.with(at, `${clause} ${other}`);
  return list.length > 1 ? list.toSpliced(at, 1) : list.with(at, `${clause} ${first}`);
}

runs.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sort], a[data-part]");
  if (!link || event.ctrlKey || event.metaKey || event.button) return;
  event.preventDefault();
  if (link.matches("[data-part]")) {
    const filter = document.querySelector("[data-filter]");
    if (filter) filter.value = new URL(link.href).searchParams.get("filter") ?? "";
    return go({ filter: new URL(link.href).searchParams.getAll("filter") });
  }
  const column = link.closest("th").dataset.column;
  const order = event.shiftKey ? joined(link.closest("th")) : new URL(link.href).searchParams.getAll("order");
  go({ order }).then(() => runs.querySelector(`th[data-column="${CSS.escape(column)}"] a`)?.focus());
});
