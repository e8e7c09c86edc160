// The conditions of the filter as chips below it: each can go alone, and what is chosen on a cell joins them.
// Reads: [data-conditions], [data-filter].
import { conditions, joined } from "./filter-text.js";
import { go } from "./table-state.js";

const place = document.querySelector("[data-conditions]");
const box = document.querySelector("[data-filter]");

function put(text) {
  box.value = text;
  show();
  return go({ filter: text });
}

export const addCondition = (condition) => put(joined(box.value, condition));

function chip(text, i, list) {
  const made = Object.assign(document.createElement("span"), { className: "chip condition", title: text });
  const button = Object.assign(document.createElement("button"), { type: "button", title: "Remove" });
  button.setAttribute("aria-label", `Remove ${text}`);
  button.addEventListener("click", () => {
    put(list.toSpliced(i, 1).join(" AND "));
    box.focus();
  });
  made.append(Object.assign(document.createElement("bdi"), { textContent: text }), button);
  return made;
}

function show() {
  const list = conditions(box.value);
  place.replaceChildren(...list.map(chip));
  place.hidden = list.length === 0;
}

// A filter that is just begun makes no room for chips yet: the table would jump away below the hand.
box.addEventListener("input", () => place.hidden || show());
document.addEventListener("filter-applied", show);
show();
