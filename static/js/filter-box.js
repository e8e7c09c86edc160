// The filter offers what can follow while one types, and says where it cannot be read; the table stays meanwhile.
// Reads: [data-filter-form], [data-filter][data-names][data-values] and the list beside it, #filter-problem of an answer.
import { expected } from "./filter-text.js";
import { offers } from "./filter-offers.js";
import { go, runs } from "./table-state.js";
import { suggest } from "./suggestions.js";

const form = document.querySelector("[data-filter-form]");
const box = form.querySelector("[data-filter]");

const list = suggest(box, box.parentNode.querySelector("[role=listbox]"), {
  find: () => offers(box, expected(box.value, box.selectionStart)),
  take: ({ text, start, more }) => {
    const end = box.selectionStart;
    box.setRangeText(text + (more ? "" : " "), start, end, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  },
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.close();
  go({ filter: box.value.trim() });
});
// Escape would empty a search field, and with it the filter that is applied: it leaves the field instead, once the list is closed.
box.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
  event.preventDefault();
  event.stopPropagation();
  box.blur();
});
// The cross of the field empties it at once.
box.addEventListener("search", () => box.value === "" && new URLSearchParams(location.search).get("filter") && go({ filter: "" }));

function good() {
  box.removeAttribute("aria-invalid");
  box.removeAttribute("aria-describedby");
  document.dispatchEvent(new CustomEvent("filter-applied"));
}

// What cannot be read is said above the table of before.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target !== runs) return;
  runs.querySelector("#filter-problem")?.remove();
  const text = event.detail.serverResponse;
  const problem = text.includes('id="filter-problem"') && new DOMParser().parseFromString(text, "text/html").getElementById("filter-problem");
  if (!problem) return;
  event.detail.shouldSwap = false;
  runs.prepend(problem);
  box.setAttribute("aria-invalid", "true");
  box.setAttribute("aria-describedby", "filter-problem");
  const at = Number(problem.dataset.position);
  if (at >= 0 && document.activeElement === box) box.setSelectionRange(at, at);
});
document.addEventListener("table-shown", good);
document.addEventListener("htmx:afterSwap", (event) => event.detail.target === runs && !runs.querySelector("#filter-problem") && good());
