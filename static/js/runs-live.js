// New runs and values appear while the page is open; place, selection and focus stay.
// Reads: #runs[data-live] (server-sent events {newest}, then {changed, fresh}: run ids), order, filter and group of the URL.
// Listens to: "edit-ended". Sends: "metrics-news", "live-again" (what changed meanwhile is to be looked for).
import "./columns-live.js";
import { inUsualOrder, put } from "./fresh-runs.js";
import { follow } from "./live-stream.js";
import { renew } from "./runs-refresh.js";
import { again, query, runs, table } from "./table-state.js";

const WAIT = 5000; // before what could not be shown is tried again
let known = null; // the newest runs, when the server said them last

const shown = (id) => runs.querySelector(`tr[data-run="${CSS.escape(id)}"]`);

async function apply({ changed, fresh }) {
  const news = fresh.filter((id) => !shown(id));
  if (!table()) return fresh.length && !query().has("filter") ? again() : null; // the first run of an empty page
  if (news.length) await put(news);
  document.dispatchEvent(new CustomEvent("metrics-news"));
  await renew([...changed, ...fresh].filter(shown).slice(0, 100));
}

// What is heard while a cell is edited, or cannot be asked for, waits.
const held = { changed: new Set(), fresh: new Set() };
let busy = false;

async function settle() {
  if (busy || runs.querySelector(".editing") || !(held.changed.size || held.fresh.size)) return;
  const news = { changed: [...held.changed], fresh: [...held.fresh] };
  for (const ids of Object.values(held)) ids.clear();
  busy = true;
  try {
    await apply(news);
  } catch {
    hold(news);
    setTimeout(settle, WAIT);
    return;
  } finally {
    busy = false;
  }
  settle();
}

function hold({ changed = [], fresh = [] }) {
  for (const id of changed) held.changed.add(id);
  for (const id of fresh) held.fresh.add(id);
}

// Of the newest runs, those that came since the page was made, or since they were last heard of.
function missed(newest) {
  if (known) return newest.filter((id) => !known.has(id));
  if (!table()) return newest;
  if (!inUsualOrder() || new URL(runs.dataset.live, location.href).searchParams.get("experiments").includes(",")) return [];
  const first = runs.querySelector("tbody[data-window]:not([data-within]) tr[data-run]");
  return first ? newest.slice(0, Math.max(0, newest.indexOf(first.dataset.run))) : [];
}

function hear({ newest, changed = [], fresh = [] }) {
  if (newest) {
    hold({ fresh: missed(newest) });
    if (known) document.dispatchEvent(new CustomEvent("live-again"));
    else hold({ changed: [...runs.querySelectorAll(".status.busy")].map((state) => state.closest("tr").dataset.run).slice(0, 50) });
    known = new Set(newest);
  }
  hold({ changed, fresh });
  for (const id of fresh) known?.add(id);
  settle();
}

if (runs.dataset.live && new URLSearchParams(location.search).get("view") !== "deleted") {
  addEventListener("load", () => setTimeout(() => follow(runs.dataset.live, hear), 500));
  document.addEventListener("edit-ended", settle);
}
