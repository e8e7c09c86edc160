// Shows times as people say them, with the exact one in the reader's own zone on hover; again every half minute.
// Reads: time[datetime], data-absolute (the exact time is shown, the relative one on hover).
// Runs behind the content and before it is painted, so that no column changes its width.
(function () {
  const STEPS = [
    [60, "s", 1],
    [3600, "min", 60],
    [86400, "h", 3600],
    [2592000, "d", 86400],
    [31536000, "mo", 2592000],
    [Infinity, "y", 31536000],
  ];
  const made = {}; // making one takes milliseconds, and most pages need none before they are painted
  const PARTS = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }; // a month in letters is no day
  const MORE = { short: {}, long: { second: "2-digit", timeZoneName: "short" } };
  const format = (name) => (made[name] ??= new Intl.DateTimeFormat(undefined, { ...PARTS, ...MORE[name] }));

  let paper = false; // on which no time is shown as so long ago

  function relative(when) {
    const seconds = (Date.now() - when) / 1000;
    const distance = Math.abs(seconds);
    if (distance < 10) return "just now";
    const [, unit, size] = STEPS.find(([limit]) => distance < limit);
    const text = `${Math.floor(distance / size)} ${unit}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  }

  // What is shown on hover takes longer to write than the rest.
  function tell(root, hovered = true) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const when = new Date(element.dateTime);
      if (Number.isNaN(when.getTime())) continue; // beyond what a calendar has: the number stays
      const absolute = "absolute" in element.dataset;
      if (hovered) element.title = (absolute ? `${relative(when)}: ` : "") + format("long").format(when);
      element.textContent = absolute || paper ? format("short").format(when) : relative(when);
    }
  }

  // The first format of a page reads the names of all months and zones, for as long as laying out a screen takes: it waits for that.
  function tellBehind() {
    let told = false;
    const once = () => { if (!told) { told = true; tell(document); } };
    new PerformanceObserver(once).observe({ type: "paint", buffered: true });
    setTimeout(once, 1000); // a page in the background paints nothing
  }

  tell(document, false);
  tellBehind();
  setInterval(() => tell(document), 30000);
  document.addEventListener("htmx:afterSwap", () => tell(document));
  document.addEventListener("printing", (event) => { paper = event.detail.now; tell(document); });
  document.addEventListener("rows-added", (event) => tell(event.detail.element));
})();
