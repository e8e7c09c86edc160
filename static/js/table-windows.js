// Rows come as one scrolls, a window of a hundred at a time; those far away give their place to an empty one of the same height.
// Reads: [data-table][data-rows], tbody[data-window] with data-before and data-after (tokens; empty at the ends of the table)
// and data-behind (how many rows come next).
// Writes: data-asked of a window (how it was asked for), which table-place.js keeps.
import { failedRow } from "./failed-part.js";
import { painted } from "./first-paint.js";
import { renew } from "./runs-refresh.js";
import { fetchRows, rowsAdded, table, whenShown } from "./table-state.js";
import { empty, fill, isStored } from "./windows-stored.js";

const AHEAD = 3; // heights of the scroll area that stand ready below and above
const KEPT = 8; // heights beyond which a window is emptied
const WINDOWS = "tbody[data-window]:not([data-within])";
let loading = false;

function away(body) {
  const row = document.createElement("tr"), cell = Object.assign(document.createElement("td"), { colSpan: 200 });
  row.append(cell);
  cell.style.height = `${body.getBoundingClientRect().height}px`;
  empty(body, row);
}

function back(body) {
  const changed = fill(body);
  rowsAdded(body);
  if (changed.length) renew(changed).catch(() => {});
}

function put(area, edge, side, body) {
  if (side === "after") return edge.after(body);
  const height = area.scrollHeight;
  edge.before(body);
  area.scrollTop += area.scrollHeight - height;
}

async function load(area, edge, side) {
  if (loading) return;
  loading = true;
  const token = edge.dataset[side];
  edge.dataset[side] = "";
  try {
    const size = side === "after" && edge.dataset.behind; // the first window begins with what a screen shows
    const body = await fetchRows({ [side]: token, ...(size ? { size } : {}) }, { busy: area });
    if (area !== table()) return; // another state was asked for meanwhile
    body.dataset.asked = `${side}=${token}`;
    body.dataset[side === "after" ? "before" : "after"] = "";
    put(area, edge, side, body);
    rowsAdded(body);
  } catch (error) {
    failed(area, edge, side, token, error);
  } finally {
    loading = false;
    requestAnimationFrame(() => look(area));
  }
}

function failed(area, edge, side, token, error) {
  const row = failedRow("More rows could not be loaded", error, () => {
    edge.dataset[side] = token;
    load(area, edge, side);
  }, 200);
  edge[side === "after" ? "append" : "prepend"](row);
}

function look(area) {
  const windows = [...area.querySelectorAll(WINDOWS)];
  if (!windows.length || area !== table()) return;
  const view = area.getBoundingClientRect();
  for (const body of windows) {
    const box = body.getBoundingClientRect();
    const distance = Math.max(view.top - box.bottom, box.top - view.bottom, 0) / view.height;
    if (isStored(body) && distance < KEPT - 1) back(body);
    else if (!isStored(body) && distance > KEPT) away(body);
  }
  const first = windows[0], last = windows.at(-1);
  if (last.dataset.after && last.getBoundingClientRect().bottom < view.bottom + AHEAD * view.height) load(area, last, "after");
  else if (first.dataset.before && first.getBoundingClientRect().top > view.top - AHEAD * view.height) load(area, first, "before");
}

whenShown((area) => {
  loading = false;
  area.addEventListener("scroll", () => look(area), { passive: true });
  painted.then(() => requestAnimationFrame(() => look(area))); // rows behind the screen come behind it
});
// On paper there is no scrolling: rows that were here come back.
document.addEventListener("printing", ({ detail }) => { if (detail.now && table()) for (const body of table().querySelectorAll(WINDOWS)) if (isStored(body)) back(body); });
addEventListener("resize", () => table() && look(table()));
