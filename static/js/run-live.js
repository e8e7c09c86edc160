// A running run is asked for anew again and again: what did not change stays as it is, and so does what somebody is busy with.
// Reads: what stands in the answer of htmx out of band. Sends: "metrics-news" when the run has metrics that it had not, "runs-shown" when
// its name or colour is another one, "points-news" when one that had ended changed.
// Of a run that has ended the server tells: #poll with data-live (server-sent events {mark}) and data-mark.
import { isLive, notLive } from "./live-mark.js";
import { follow } from "./live-stream.js";
import { fromPage } from "./panel-runs.js";

const busy = (target) => target.contains(document.activeElement) || target.matches("#tags") && target.querySelector("details[open]") || target.querySelector("[aria-expanded=true]");
const bare = (element) => { const copy = element.cloneNode(true); for (const node of [copy, ...copy.querySelectorAll("*")]) { node.removeAttribute("hx-swap-oob"); node.removeAttribute("title"); } return copy.outerHTML.replace(/<time [^>]*>[^<]*/g, "<time>").replace(/ class=""/g, ""); };
const scrolls = new Map();
const FEW = 2, EVERY = 4000; // looks that fail before anybody is told; ms between them
let failed = 0;
let missed = false; // a part that somebody was busy with: the page keeps its mark, and the next answer has the part again

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail, found = fragment.firstElementChild ?? fragment;
  const held = target.id === "poll" ? missed : busy(target) && bare(target) !== bare(found);
  missed = target.id !== "poll" && (missed || held);
  if (held || bare(target) === bare(found)) { event.preventDefault(); return; }
  for (const area of target.querySelectorAll(".scroll")) scrolls.set(area.getAttribute("aria-label"), area.scrollTop);
  if (target.id === "metrics-count" || target.id === "system-count") document.dispatchEvent(new CustomEvent("metrics-news"));
});

document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => {
  if (target.id === "run-name") document.title = document.getElementById("run-name").dataset.title;
  if (target.id === "shown-runs") document.dispatchEvent(new CustomEvent("runs-shown", { detail: fromPage() }));
  for (const area of document.getElementById(target.id)?.querySelectorAll(".scroll") ?? []) area.scrollTop = scrolls.get(area.getAttribute("aria-label")) ?? 0;
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt.id !== "poll") return;
  failed = detail.successful ? 0 : failed + 1;
  if (failed >= FEW) notLive(EVERY, () => htmx.ajax("GET", detail.elt.getAttribute("hx-get"), { source: "#poll", swap: "none" }).catch(() => {}));
  else isLive();
});

let told = "", clock;
function catchUp() {
  const poll = document.getElementById("poll");
  clearTimeout(clock);
  if (!told || !poll.dataset.live || poll.dataset.mark === told) return;
  htmx.trigger(poll, "changed");
  clock = setTimeout(catchUp, EVERY); // until the page has it: somebody may be busy with a part
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (told && detail.successful && detail.elt.id === "poll") document.dispatchEvent(new CustomEvent("points-news"));
});

const ended = document.getElementById("poll")?.dataset.live;
if (ended) addEventListener("load", () => setTimeout(() => follow(ended, ({ mark }) => { told = mark; catchUp(); }), 500));
