// What gets the focus in a table is not left behind the columns that stay at its left while the others scroll.
// Reads: .scroll around a table.
document.addEventListener("focusin", ({ target }) => {
  const area = target.closest?.(".scroll"), cell = target.closest?.("th, td");
  if (!area?.contains(cell) || area.scrollLeft === 0) return;
  requestAnimationFrame(() => { // the browser has scrolled by then
    const stays = [...cell.parentElement.children].filter((other) => getComputedStyle(other).position === "sticky");
    if (stays.includes(cell)) return;
    const behind = Math.max(0, ...stays.map((other) => other.getBoundingClientRect().right)) - target.getBoundingClientRect().left;
    if (behind > 0) area.scrollLeft -= behind + 4;
  });
});
