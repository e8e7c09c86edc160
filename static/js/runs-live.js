// New runs and values appear while the page is open; place, selection and focus stay.
// Reads: #runs[data-live] (server-sent events {changed, fresh}: run ids), order, filter and group of the URL. Sends: "metrics-news".
import "./columns-live.js";
import { renew } from "./runs-refresh.js";
import { again, fetchRows, query, rowsAdded, runs, table } from "./table-state.js";

const WAIT = 15000; // before the next try when the server has no room for another listener
const waiting = new Set(); // runs that are new and not shown, because only the server knows where they stand
let source = null;

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

// In the usual order a new run stands first; what is looked at does not move.
async function put(ids) {
  const area = table();
  const first = area?.querySelector("tbody[data-window]:not([data-within])");
  const order = query().getAll("order");
  if (!first || first.dataset.before || (order.length && order[0] !== "start_time DESC") || query().has("nested")) {
    for (const id of ids) waiting.add(id);
    return offer();
  }
  const body = await fetchRows({ only: ids.join(",") });
  if (area !== table() || !body.rows.length) return;
  const height = area.scrollHeight, scrolled = area.scrollTop > 0;
  body.dataset.after = "";
  for (const row of body.rows) row.classList.add("fresh");
  first.before(body);
  if (scrolled) area.scrollTop += area.scrollHeight - height;
  rowsAdded(body);
}

async function hear({ changed = [], fresh = [] }) {
  const shown = (id) => runs.querySelector(`tr[data-run="${CSS.escape(id)}"]`);
  const news = fresh.filter((id) => !shown(id));
  const area = table();
  if (!area) return fresh.length && !query().has("filter") ? again() : null; // the first run of an empty page
  if (runs.querySelector(".editing")) return;
  if (news.length) await put(news);
  document.dispatchEvent(new CustomEvent("metrics-news"));
  await renew([...changed, ...fresh].filter(shown).slice(0, 100));
}

function listen() {
  source?.close();
  source = new EventSource(runs.dataset.live);
  source.addEventListener("message", (event) => hear(JSON.parse(event.data)).catch(() => {}));
  source.addEventListener("open", () => renew([...runs.querySelectorAll(".status.busy")].map((state) => state.closest("tr").dataset.run).slice(0, 50)).catch(() => {}));
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && setTimeout(() => !document.hidden && listen(), WAIT));
}

if (runs.dataset.live && new URLSearchParams(location.search).get("view") !== "deleted") {
  addEventListener("load", () => setTimeout(listen, 500));
  addEventListener("pagehide", () => source?.close());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else listen();
  });
}
document.addEventListener("table-shown", () => { waiting.clear(); offer(); });
