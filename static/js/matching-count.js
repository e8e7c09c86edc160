// How many runs match comes behind the rows themselves, when they are more than were counted on the way.
// Reads: [data-counts] (URL) in .pager > span, whose text begins with what was counted.
import { ask } from "./ask-server.js";
import { runs, table, whenShown } from "./table-state.js";
import { grouped } from "./bulk-bar.js";

async function complete(area) {
  const place = runs.querySelector(".pager [data-counts]");
  if (!place) return;
  place.querySelector("[data-failed]")?.remove();
  const url = new URL(place.dataset.counts, location.href);
  url.search = new URL(area.dataset.rows, location.href).search;
  let answer;
  try { answer = await ask(url, { quiet: true }); } catch (failed) {
    if (area === table() && place.isConnected) say(area, place, failed);
    return;
  }
  if (area !== table()) return;
  const { count, counted_to: most } = answer;
  const said = place.parentElement.firstChild;
  said.data = said.data.replace(/^[\d\s]+\+/, grouped(count) + (count < most ? "" : "+"));
  place.remove();
}

// What stands there is true, if not all: so this is quiet, and stands where the count would.
function say(area, place, { because }) {
  const note = Object.assign(document.createElement("span"), { className: "quiet", textContent: ` \u00b7 not counted further: ${because ?? "the answer cannot be read"} ` });
  note.dataset.failed = "";
  note.setAttribute("role", "status");
  const again = Object.assign(document.createElement("button"), { type: "button", className: "button bare", textContent: "Try again" });
  again.addEventListener("click", () => { note.textContent = " \u00b7 counting\u2026"; complete(area); });
  note.append(again);
  place.append(note);
}

whenShown(complete);
