// What takes longer than a fifth of a second shows that it is on its way; after two seconds it can be cancelled. Used by htmx and by
// ask-server.js. Reads: #progress with data-cancel, the events of htmx. Writes: aria-busy of the part that is asked for.
const bar = document.getElementById("progress");
const SEEN = 200, LONG = 2000; // ms
const running = new Map(); // what is on its way: {target, cancel, since}
let timers = [];

function tell() {
  timers.forEach(clearTimeout);
  timers = [];
  const all = [...running.values()], cancellable = all.filter(({ cancel }) => cancel);
  const waited = (list) => (list.length ? Date.now() - Math.min(...list.map(({ since }) => since)) : -1);
  const seen = waited(all), long = waited(cancellable);
  bar.hidden = seen < SEEN;
  bar.classList.toggle("slow", long >= LONG);
  if (seen >= 0 && seen < SEEN) timers.push(setTimeout(tell, SEEN - seen));
  if (long >= 0 && long < LONG) timers.push(setTimeout(tell, LONG - long));
}

// `cancel`: what the button does; nothing for what cannot be taken back once it is sent.
export function begin(key, target, cancel) {
  running.set(key, { target, cancel, since: Date.now() });
  target?.setAttribute("aria-busy", "true");
  tell();
}

export function end(key) {
  const found = running.get(key);
  if (!running.delete(key)) return;
  if (![...running.values()].some(({ target }) => target === found.target)) found.target?.removeAttribute("aria-busy");
  tell();
}

document.addEventListener("htmx:beforeSend", (event) => {
  const { elt, xhr, target, requestConfig } = event.detail;
  if (elt.closest?.("[data-quiet]")) return; // refreshes that nobody asked for
  begin(xhr, target, requestConfig?.verb === "get" ? () => xhr.abort() : null);
});
for (const name of ["htmx:afterRequest", "htmx:sendAbort", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, (event) => end(event.detail.xhr));

bar.querySelector("[data-cancel]").addEventListener("click", () => {
  for (const { cancel } of [...running.values()]) cancel?.();
});
