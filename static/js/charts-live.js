// While runs go on their lines grow, and metrics that they did not have before get panels.
// Reads: nothing. Listens to: "metrics-news", and "points-news" when lines changed that were thought to be done. Expects a pane: {element, runs, panels, names, toolbar, arrange()}.
const EVERY = 5000, NAMES_EVERY = 6; // ms; of these turns
const REST = 20; // times as long as the last answer took
const rested = ({ ended, took }) => performance.now() > ended + REST * took;

export function wireLive(pane) {
  let stale = false, turns = 0;

  async function rename() {
    stale = false;
    if (!pane.element.checkVisibility()) return;
    await pane.names.load();
    pane.toolbar.show();
    pane.arrange();
  }

  document.addEventListener("metrics-news", () => { stale = true; });
  document.addEventListener("points-news", () => { for (const panel of pane.panels.values()) if (panel.inView && panel.plot) panel.load(true); });
  setInterval(() => {
    if (document.hidden) return;
    const live = [...pane.panels.values()].filter((panel) => panel.inView && panel.data?.live && panel.plot && rested(panel));
    for (const panel of live) panel.load(true);
    turns++;
    if (pane.runs.size && (stale || (live.length && turns % NAMES_EVERY === 0))) rename();
  }, EVERY);
}
