// Runs that came while the table stood there: put on top of it in the usual order, else offered, as only the server knows where they stand.
// Reads: order and nested of the URL, #table-pane. Imported by runs-live.js.
import { again, fetchRows, query, rowsAdded, table } from "./table-state.js";

const AT_ONCE = 100;
const waiting = new Set(); // runs that are new and not shown, because only the server knows where they stand

function offer() {
  let button = document.querySelector(".fresh-runs");
  if (!waiting.size) return button?.remove();
  if (!button) {
    button = Object.assign(document.createElement("button"), { type: "button", className: "button fresh-runs" });
    button.addEventListener("click", () => {
      waiting.clear();
      offer();
      again();
    });
    document.getElementById("table-pane").prepend(button);
  }
  button.textContent = `Show ${waiting.size} new ${waiting.size === 1 ? "run" : "runs"}`;
}

export function inUsualOrder() {
  const order = query().getAll("order");
  return !order.length || order[0] === "start_time DESC";
}

// In the usual order a new run stands first; what is looked at does not move.
export async function put(ids) {
  const area = table();
  const first = area?.querySelector("tbody[data-window]:not([data-within])");
  if (!first || first.dataset.before || !inUsualOrder() || query().has("nested") || ids.length > AT_ONCE) {
    for (const id of ids) waiting.add(id);
    return offer();
  }
  const body = await fetchRows({ only: ids.join(",") }, { quiet: true });
  if (area !== table() || !body.rows.length) return;
  const height = area.scrollHeight, scrolled = area.scrollTop > 0;
  body.dataset.after = "";
  for (const row of body.rows) row.classList.add("fresh");
  first.before(body);
  if (scrolled) area.scrollTop += area.scrollHeight - height;
  rowsAdded(body);
}

document.addEventListener("table-shown", () => { waiting.clear(); offer(); });
