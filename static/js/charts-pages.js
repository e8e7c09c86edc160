// The page of a long section that is shown, and the buttons that turn it.
// Reads: [data-more], [data-pages] of a section. Expects a pane: {pages}.
import { FIRST, PAGE } from "./charts-sections.js";

export const number = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");

// [first, end) of the keys that are shown.
export function pageOf(pane, { name, keys }) {
  const at = pane.pages.get(name);
  if (at === undefined) return [0, Math.min(FIRST, keys.length)];
  const first = Math.max(0, Math.min(at, Math.floor((keys.length - 1) / PAGE) * PAGE));
  return [first, Math.min(first + PAGE, keys.length)];
}

export function pager(element, { keys }, first, end) {
  const [more, pages] = ["[data-more]", "[data-pages]"].map((selector) => element.querySelector(selector));
  more.hidden = end - first >= Math.min(PAGE, keys.length) || first > 0;
  more.textContent = keys.length <= PAGE ? `Show all ${keys.length} charts` : `Show ${PAGE} of ${number(keys.length)} charts`;
  pages.hidden = !more.hidden || keys.length <= PAGE;
  pages.querySelector("span").textContent = `${number(first + 1)} to ${number(end)} of ${number(keys.length)}`;
  pages.querySelector("[data-page='-1']").disabled = first === 0;
  pages.querySelector("[data-page='1']").disabled = end >= keys.length;
}
