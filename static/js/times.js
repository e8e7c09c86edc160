// Shows times as people say them, with the exact one in the reader's own zone on hover; again every half minute.
// Reads: time[datetime], data-absolute (the exact time is shown, the relative one on hover).
const STEPS = [
  [60, "s", 1],
  [3600, "min", 60],
  [86400, "h", 3600],
  [2592000, "d", 86400],
  [31536000, "mo", 2592000],
  [Infinity, "y", 31536000],
];
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const plain = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function relative(when) {
  const seconds = (Date.now() - when) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  const [, unit, size] = STEPS.find(([limit]) => distance < limit);
  const text = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function tell(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue; // beyond what a calendar has: the number stays
    const absolute = "absolute" in element.dataset;
    element.title = absolute ? relative(when) : exact.format(when);
    element.textContent = absolute ? plain.format(when) : relative(when);
  }
}

tell(document);
setInterval(() => tell(document), 30000);
document.addEventListener("htmx:afterSwap", () => tell(document));
document.addEventListener("rows-added", (event) => tell(event.detail.element));
