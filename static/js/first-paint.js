// When the first content was painted: what nobody sees before it waits for it, since it would be painted later otherwise.
// Reads: the paint entries of the page. Imported by what can wait.
const LONGEST = 1000; // milliseconds: a page in the background paints nothing

export const painted = new Promise((done) => {
  const watcher = new PerformanceObserver((entries) => { if (entries.getEntriesByName("first-contentful-paint").length) done(); });
  watcher.observe({ type: "paint", buffered: true });
  setTimeout(done, LONGEST);
});
