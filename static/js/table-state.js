// The URL is the state of the table of runs: what it says, and how to get to another state. Imported by the other table-*.js.
// Reads: #runs (what is put anew), [data-table] and its th[data-column]. Sends: "table-shown" to the document.
import { Failed, ask as askServer, parsed } from "./ask-server.js";

export const runs = document.getElementById("runs");
export const table = () => runs.querySelector("[data-table]");
export const query = () => new URLSearchParams(location.search);
const PLACES = ["after", "before", "done", "id"]; // of one window of rows: another state begins at its first one

// `changes` gives names their values: a text, a list of texts, or nothing.
export function address(changes, from = location.href) {
  const url = new URL(from);
  for (const name of PLACES) url.searchParams.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    url.searchParams.delete(name);
    for (const item of [value ?? []].flat()) if (item !== "") url.searchParams.append(name, item);
  }
  return url;
}

// Nothing in the table is htmx's own: thousands of cells need not be looked through for it when they come and when they go.
htmx.defineExtension("swap-whole", {
  handleSwap: (style, target, fragment) => {
    if (target !== runs || style !== "innerHTML") return false;
    target.replaceChildren(...fragment.childNodes);
    return true;
  },
});

// Ask the server for the table in another state; what is shown stays until the answer is there.
export function go(changes, from) {
  return ask(address(changes, from), {});
}

// What goes wrong is said by failed-refresh.js; a request that was cancelled is no error.
const ask = (url, more) => htmx.ajax("GET", url.href, { source: runs, target: runs, swap: "innerHTML show:none", ...more }).catch(() => {});

// The same state as it is now: no step in the history.
export const again = () => ask(address({}), { push: "false" });

// Remember what the page shows already: no request.
export function note(changes) {
  history.replaceState(history.state, "", address(changes));
}

export const columns = () => [...table().querySelectorAll("thead th[data-column]")].map((th) => th.dataset.column).slice(1);

// What the rows of a window are asked with; `more` comes on top.
export function rowsAddress(more) {
  const url = new URL(table().dataset.rows, location.href);
  for (const [name, value] of Object.entries({ prefix: table().dataset.prefixCut, ...more })) url.searchParams.set(name, value);
  return url;
}

// `how`: as ask-server.js has it; what nobody asked for is quiet. The body may be empty, and then has no rows.
export async function fetchRows(more, how = {}) {
  const body = parsed(`<table>${await askServer(rowsAddress(more), { as: "html", ...how })}</table>`).querySelector("tbody");
  if (!body) throw new Failed("what answered was not this server. Load the page again");
  const said = runs.querySelector(".pager > span")?.firstChild;
  if (body.dataset.total && said) said.data = body.dataset.total;
  return body;
}

// Whatever was put into the table: rows with their colours, times and marks; `renewed` when the same runs stood there before.
export function rowsAdded(element, renewed = false) {
  document.dispatchEvent(new CustomEvent("rows-added", { detail: { element, renewed } }));
}

// Calls `act` for the table that stands there and for each one that follows.
export function whenShown(act) {
  if (table()) act(table());
  document.addEventListener("table-shown", () => table() && act(table()));
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === runs) document.dispatchEvent(new CustomEvent("table-shown"));
});
