// Panels change places and sizes: by dragging their heading or their corner, with Alt and Shift and arrow keys, from the menu.
// Reads: figures with data-key inside .chart-panels; [data-handle], [data-corner], [data-do=earlier|later|wider|narrower|taller|lower].
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SIZES = { wider: [1, 0], narrower: [-1, 0], taller: [0, 1], lower: [0, -1] };

export function wireArranging(pane) {
  const panelsAround = (figure) => [...figure.parentElement.children].filter((child) => child.dataset.key);
  // The section's panels have a place from now on; those of other sections stay as they are.
  const order = (figure) => {
    const keys = panelsAround(figure).map((other) => other.dataset.key);
    return [...pane.settings.order.filter((key) => !keys.includes(key)), ...keys];
  };

  const move = (figure, by) => {
    const all = panelsAround(figure), other = all[all.indexOf(figure) + by];
    if (!other) return;
    if (by < 0) other.before(figure); else other.after(figure);
    pane.settings.order = order(figure);
    pane.keep();
    figure.focus();
    document.getElementById("live").textContent = `Place ${all.indexOf(figure) + by + 1} of ${all.length}`;
  };

  const resize = (figure, [wider, taller]) => {
    const [w, h] = pane.settings.sizes[figure.dataset.key] ?? [1, 1];
    const size = [w + wider, h + taller].map((value) => Math.min(4, Math.max(1, value)));
    if (size[0] === 1 && size[1] === 1) delete pane.settings.sizes[figure.dataset.key];
    else pane.settings.sizes[figure.dataset.key] = size;
    pane.panels.get(figure.dataset.key).sized(...size);
    pane.keep();
    document.getElementById("live").textContent = `Width ${size[0]} of 4, height ${size[1]} of 4`;
  };

  pane.element.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || !event.target.matches("figure[data-key]") || event.altKey === event.shiftKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.altKey) move(event.target, by[0] || by[1]); else resize(event.target, by);
  });
  pane.element.addEventListener("click", (event) => {
    const name = event.target.closest("[data-do]")?.dataset.do, figure = event.target.closest("figure[data-key]");
    if (!figure?.parentElement.matches(".chart-panels")) return;
    if (name === "earlier" || name === "later") move(figure, name === "later" ? 1 : -1);
    if (SIZES[name]) resize(figure, SIZES[name]);
  });

  let dragged = null;
  pane.sections.addEventListener("dragstart", (event) => {
    const handle = event.target.closest?.("[data-handle]");
    if (!handle) return;
    dragged = handle.closest("figure");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.key);
    dragged.classList.add("dragged");
  });
  pane.sections.addEventListener("dragover", (event) => {
    const over = event.target.closest("figure[data-key]");
    if (!dragged || !over || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientX < box.left + box.width / 2) over.before(dragged); else over.after(dragged);
  });
  pane.sections.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
  pane.sections.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    pane.settings.order = order(dragged);
    dragged = null;
    pane.keep();
  });

  pane.sections.addEventListener("pointerdown", (event) => {
    const corner = event.target.closest("[data-corner]"), figure = corner?.closest("figure");
    if (!corner) return;
    event.preventDefault();
    corner.setPointerCapture(event.pointerId);
    const [w, h] = pane.settings.sizes[figure.dataset.key] ?? [1, 1], wide = figure.clientWidth / w, high = figure.clientHeight / h;
    const drag = (moved) => {
      const [nowW, nowH] = pane.settings.sizes[figure.dataset.key] ?? [1, 1];
      const wanted = [Math.round(w + (moved.clientX - event.clientX) / wide), Math.round(h + (moved.clientY - event.clientY) / high)];
      if (wanted[0] !== nowW || wanted[1] !== nowH) resize(figure, [wanted[0] - nowW, wanted[1] - nowH]);
    };
    corner.addEventListener("pointermove", drag);
    corner.addEventListener("lostpointercapture", () => corner.removeEventListener("pointermove", drag), { once: true });
  });
}
