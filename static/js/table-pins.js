// Pinned columns stay at the left while the others scroll; widths are known, so their places are.
// Reads: col[width], th.pinned of [data-table]. Writes: rules of a style sheet of its own.
import { whenShown } from "./table-state.js";

const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);
let said = "";

// A sheet that is replaced has every element's style found anew.
function put(text) {
  if (text !== said) sheet.replaceSync(text);
  said = text;
}

export function placePins(area) {
  const columns = [...area.querySelectorAll("col")];
  const heads = [...area.querySelectorAll("thead th")];
  if (!heads.some((th) => th.classList.contains("pinned"))) return put(""); // no width is asked for: it takes a layout
  let left = columns[0].offsetWidth || Number(columns[0].width);
  const rules = [];
  heads.forEach((th, i) => {
    if (!th.classList.contains("pinned")) return;
    const cells = `.runs thead th:nth-child(${i + 1}), .runs tbody tr > :nth-child(${i + 1})`;
    rules.push(`@media (min-width: 761px) { ${cells} { position: sticky; left: ${left}px; z-index: 1; background: var(--row-ground, var(--surface)); } .runs thead th:nth-child(${i + 1}) { background: var(--sunken); z-index: 2; } }`);
    left += Number(columns[i].width);
  });
  put(rules.join("\n"));
}

whenShown(placePins);
