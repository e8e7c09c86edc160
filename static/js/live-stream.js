// Server-sent events that come back by themselves: after an error with longer and longer waits, at once when the page is seen again, the
// computer is online again or has slept, and when the stream is silent for longer than the server is. Imported by what is live.
// Reads: nothing. What stays lost is seen (live-mark.js).
import { isLive, notLive } from "./live-mark.js";

const FIRST = 1000, MOST = 30000; // ms of waiting
const SILENT = 40000, TICK = 5000, SLEPT = 20000; // the server says every 15 s that it is here
const SEEN = 2; // tries that fail before anybody is told

// `hear(data)` gets each message, parsed; the first one of every connection says where the server stands.
export function follow(url, hear) {
  let source = null, timer, tries = 0, heard = 0, ticked = Date.now();

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function alive() {
    heard = Date.now();
    tries = 0;
    isLive();
  }

  function open() {
    close();
    if (document.hidden) return;
    heard = Date.now();
    const made = source = new EventSource(url);
    made.addEventListener("message", (event) => { if (made === source) { alive(); hear(JSON.parse(event.data)); } });
    made.addEventListener("here", alive);
    made.addEventListener("error", () => made === source && lose());
  }

  const now = () => { tries = Math.max(tries, SEEN); notLive(0, now); open(); };

  function lose() {
    close();
    const wait = Math.min(MOST, FIRST * 2 ** tries++) * (0.75 + Math.random() / 2); // not all pages at once
    if (tries >= SEEN) notLive(wait, now);
    timer = setTimeout(open, wait);
  }

  function begin() { tries = 0; open(); }

  setInterval(() => {
    const slept = Date.now() - ticked > SLEPT;
    ticked = Date.now();
    if (source && (slept || ticked - heard > SILENT)) begin();
  }, TICK);
  addEventListener("online", begin);
  addEventListener("offline", () => { if (!document.hidden) { tries = Math.max(tries, SEEN); lose(); } });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && begin());
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : begin()));
  open();
}
