// The page of a metric follows its run: the name, where it stands, values and points; the chart follows by itself.
// Reads: #metric-live with data-marks (URL), data-run and data-revision. Sends: "runs-shown".
import { ask } from "./ask-server.js";
import { isLive, notLive } from "./live-mark.js";
import { renewPage } from "./page-renewed.js";
import { fromPage } from "./panel-runs.js";

const EVERY = 5000, FEW = 2; // ms; looks that fail before anybody is told
const { marks, run, revision } = document.getElementById("metric-live").dataset;
let seen = null, failures = 0, timer;

async function renew() {
  document.getElementById("shown-runs").textContent = await renewPage(location.href, (element) => element.id === "charts");
  document.dispatchEvent(new CustomEvent("runs-shown", { detail: fromPage() }));
}

async function look() {
  const now = (await ask(marks, { body: { runs: [run] }, quiet: true })).marks[run] ?? "";
  if (now && (seen === null ? now.split(".")[0] !== revision : now !== seen)) await renew();
  seen = now;
}

async function turn() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    await look();
    failures = 0;
    isLive();
  } catch {
    failures++;
  }
  const wait = EVERY * 2 ** Math.min(failures, 3);
  if (failures >= FEW) notLive(wait, turn);
  timer = setTimeout(turn, wait);
}

document.addEventListener("visibilitychange", turn);
addEventListener("online", turn);
turn();
