// A part of the page that takes longer than a fifth of a second shows that it is on its way; after two seconds it can be cancelled.
// Reads: #progress with data-cancel, the events of htmx. Writes: aria-busy of the part that is asked for.
const bar = document.getElementById("progress");
const running = new Map();
let timers = [];

function tell() {
  timers.forEach(clearTimeout);
  timers = [];
  bar.hidden = true;
  bar.classList.remove("slow");
  if (!running.size) return;
  timers.push(setTimeout(() => { bar.hidden = false; }, 200));
  timers.push(setTimeout(() => bar.classList.add("slow"), 2000));
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.elt.closest?.("[data-quiet]")) return; // refreshes that nobody asked for
  running.set(event.detail.xhr, event.detail.target);
  event.detail.target.setAttribute("aria-busy", "true");
  tell();
});

function done(event) {
  const target = running.get(event.detail.xhr);
  if (!running.delete(event.detail.xhr)) return;
  target.removeAttribute("aria-busy");
  tell();
}
for (const name of ["htmx:afterRequest", "htmx:sendAbort", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, done);

bar.querySelector("[data-cancel]").addEventListener("click", () => {
  for (const xhr of [...running.keys()]) xhr.abort();
});
