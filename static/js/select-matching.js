// When all shown rows are selected and the table holds more, the bar offers all that match; or says that they are too many.
// Reads: [data-select-all], tbody[data-window], [data-bulk-matching] with data-count (URL), [data-bulk-bound].
import { grouped } from "./bulk-bar.js";
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
  const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return; // what is selected stays as it is
  const { count, limit } = await answer.json();
  if (mine !== turn || count <= selected.size) return;
  offer.hidden = count > limit;
  bound.hidden = !offer.hidden;
  offer.textContent = `Select all ${grouped(count)} matching`;
  offer.dataset.matching = count;
  bound.textContent = `More than ${grouped(limit)} match: filter to change all of them at once`;
}

document.addEventListener("selection", look);
offer.addEventListener("click", () => selectMatching(Number(offer.dataset.matching)));
