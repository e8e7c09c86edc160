// Shows times as people say them, the exact one in the reader's own zone on hover. Reads: time[datetime], data-absolute.
const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [2592000, "day", 86400], [31536000, "month", 2592000], [Infinity, "year", 31536000]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
function tell(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const when = new Date(element.dateTime);
    const seconds = (when - Date.now()) / 1000;
    const [, unit, size] = steps.find(([limit]) => Math.abs(seconds) < limit);
    element.title = exact.format(when);
    element.textContent = "absolute" in element.dataset ? exact.format(when) : relative.format(Math.round(seconds / size), unit);
  }
}
tell(document);
setInterval(() => tell(document), 30000);
document.addEventListener("htmx:afterSwap", (event) => tell(event.target));
