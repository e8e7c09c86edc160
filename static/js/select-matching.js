// When all shown rows are selected and the table holds more, the bar offers all that match; or says that they are too many.
// Reads: [data-select-all], tbody[data-window], [data-bulk-matching] with data-count (URL), [data-bulk-bound].
import { ask } from "./ask-server.js";
import { grouped } from "./bulk-bar.js";
import { failedPart } from "./failed-part.js";
import { selected, selectMatching, whole } from "./table-selection.js";
import { runs, table } from "./table-state.js";

const offer = document.querySelector("[data-bulk-matching]");
const bound = document.querySelector("[data-bulk-bound]");
let turn = 0;

// Rows of windows far away are not in the page: only the server knows how many there are.
function more() {
  const windows = [...runs.querySelectorAll("tbody[data-window]:not([data-within])")];
  return windows.length > 1 || windows.some(({ dataset }) => dataset.after || dataset.before);
}

async function look() {
  const mine = ++turn;
  offer.hidden = bound.hidden = true;
  if (whole.count || !runs.querySelector("[data-select-all]")?.checked || !more()) return;
  const url = new URL(offer.dataset.count, location.href);
  url.search = new URL(table().dataset.rows, location.href).search;
  const found = await ask(url, { busy: offer.parentNode }).catch((failed) => mine === turn && uncounted(failed));
  if (!found) return; // what is selected stays as it is
  const { count, limit } = found;
  if (mine !== turn || count <= selected.size) return;
  offer.hidden = count > limit;
  bound.hidden = !offer.hidden;
  offer.textContent = `Select all ${grouped(count)} matching`;
  offer.dataset.matching = count;
  bound.textContent = `More than ${grouped(limit)} match: filter to change all of them at once`;
}

function uncounted(failed) {
  bound.hidden = false;
  bound.replaceChildren(failedPart("How many match could not be counted", failed, look, "span"));
}

document.addEventListener("selection", look);
offer.addEventListener("click", () => selectMatching(Number(offer.dataset.matching)));
