// What just happened is said for ten seconds (longer while it is pointed at or focused), then only the trash has the way back.
// Reads: data-toast, data-forget (names in the URL that made the toast; a reload shall not say it again)
const SECONDS = 10;

for (const toast of document.querySelectorAll("[data-toast]")) {
  const url = new URL(location);
  for (const name of toast.dataset.forget.split(" ")) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);

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
