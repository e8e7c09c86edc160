// Exports take the state that the table has now, and only the selected runs when some are.
// Reads: a[data-export].
import { selected, whole } from "./table-selection.js";
import { address, columns, query, table } from "./table-state.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-export]");
  if (!link) return;
  const now = query();
  const state = Object.fromEntries(["filter", "view", "order", "nested"].map((name) => [name, now.getAll(name)]));
  const list = table() ? { columns: columns() } : {};
  link.href = address({ ...state, ...list, only: whole.count ? "" : [...selected].slice(0, 200).join(",") }, link.href).href;
  link.closest("details").open = false;
});
