// Exports take the state that the table has now, and only the selected runs when some are.
// Reads: a[data-export].
import { sayToast } from "./say-toast.js";
import { selected, whole } from "./table-selection.js";
import { address, columns, query, table } from "./table-state.js";

const LIMIT = 200; // run ids that a URL names

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-export]");
  if (!link) return;
  link.closest("details").open = false;
  if (!whole.count && selected.size > LIMIT) {
    event.preventDefault();
    return sayToast(`At most ${LIMIT} selected runs can be exported: select fewer, or all that match.`, { bad: true });
  }
  const now = query();
  const state = Object.fromEntries(["filter", "view", "order", "nested"].map((name) => [name, now.getAll(name)]));
  const list = table() ? { columns: columns() } : {};
  link.href = address({ ...state, ...list, only: whole.count ? "" : [...selected].join(",") }, link.href).href;
});
