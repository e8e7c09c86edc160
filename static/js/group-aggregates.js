// The means of large groups come behind the groups themselves: their cells are put in when the server has them.
// Reads: tbody[data-groups][data-aggregates] (URL), tr[data-group][data-within].
import { runs, table, whenShown } from "./table-state.js";

async function complete(area) {
  const body = area.querySelector("tbody[data-aggregates]");
  if (!body) return;
  const answer = await fetch(body.dataset.aggregates, { headers: { Accept: "text/html", "HX-Request": "true" } }).catch(() => null);
  if (area !== table()) return;
  if (!answer?.ok) {
    for (const cell of runs.querySelectorAll(".skeleton")) cell.replaceWith("?");
    body.title = "The means could not be loaded. Load the page again.";
    return;
  }
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  const cells = new Map([...found.querySelectorAll("tr[data-group]")].map((row) => [row.dataset.within, [...row.querySelectorAll("td")]]));
  for (const row of runs.querySelectorAll("tr[data-group]")) {
    const made = cells.get(row.dataset.within);
    if (!made) continue;
    for (const cell of row.querySelectorAll("td")) cell.remove();
    row.append(...made);
  }
  body.removeAttribute("aria-busy");
}

whenShown(complete);
