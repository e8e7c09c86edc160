// How many runs match comes behind the rows themselves, when they are more than were counted on the way.
// Reads: [data-counts] (URL) in .pager > span, whose text begins with what was counted.
import { ask } from "./ask-server.js";
import { runs, table, whenShown } from "./table-state.js";
import { grouped } from "./bulk-bar.js";

async function complete(area) {
  const place = runs.querySelector(".pager [data-counts]");
  if (!place) return;
  const url = new URL(place.dataset.counts, location.href);
  url.search = new URL(area.dataset.rows, location.href).search;
  const answer = await ask(url, { quiet: true }).catch(() => null);
  if (area !== table() || !answer) return; // what stands there is true, if not all
  const { count, counted_to: most } = answer;
  const said = place.closest("span").firstChild;
  said.data = said.data.replace(/^[\d\s]+\+/, grouped(count) + (count < most ? "" : "+"));
  place.remove();
}

whenShown(complete);
