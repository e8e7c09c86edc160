// Draws all charts again where their colours change, and fetches before paper is made what was never in view.
// Reads: "theme" and "before-printing" of the document. Expects a pane: {element, panels, redraw()}.
export function wireRedrawing(pane) {
  document.addEventListener("theme", () => pane.redraw());
  document.addEventListener("before-printing", ({ detail }) => {
    if (!pane.element.checkVisibility()) return;
    const missing = [...pane.panels.values()].filter((panel) => panel.stale);
    for (const panel of missing) detail.wait(panel.load());
  });
}
