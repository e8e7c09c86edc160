// What just happened is said for ten seconds (longer while it is pointed at or focused), then only the trash has the way back.
// Reads: data-toast, data-forget (names in the URL that made the toast; a reload shall not say it again). Writes: #live.
const SECONDS = 10, READ = 300 /* ms */;
const armed = new WeakSet();

function arm(toast) {
  if (armed.has(toast)) return;
  armed.add(toast);
  const url = new URL(location);
  for (const name of toast.dataset.forget.split(" ")) url.searchParams.delete(name);
  if (url.href !== location.href) history.replaceState(history.state, "", url);

  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), SECONDS * 1000); };
  const hold = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusout", start);
  toast.querySelector("[data-close]").addEventListener("click", () => toast.remove());
  start();
}

const all = () => document.querySelectorAll("[data-toast]").forEach(arm);
all();
// A page that comes with a toast: what stands in it from the start is read out by nobody.
const said = document.querySelector("[data-toast] bdi")?.textContent;
if (said) setTimeout(() => { document.getElementById("live").textContent = said; }, READ);
for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap"]) document.addEventListener(name, all);
