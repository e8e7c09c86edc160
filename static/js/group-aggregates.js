// The means of large groups come behind the groups themselves: their cells are put in when the server has them.
// Reads: tbody[data-groups][data-aggregates] (URL), tr[data-group][data-within].
import { Failed, ask, parsed } from "./ask-server.js";
import { failedPart } from "./failed-part.js";
import { runs, table, whenShown } from "./table-state.js";

async function complete(area) {
  const body = area.querySelector("tbody[data-aggregates]");
  if (!body) return;
  const answer = await ask(body.dataset.aggregates, { as: "html", quiet: true }).catch((failed) => failed);
  if (area !== table()) return;
  if (answer instanceof Failed) {
    area.before(failedPart("The means could not be loaded", answer, () => complete(area)));
    return;
  }
  const found = parsed(`<table>${answer}</table>`);
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
