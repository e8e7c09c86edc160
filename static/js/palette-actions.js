// What the page itself can do, offered in the palette. Imported by palette.js.
// Reads: [data-key-help]. Writes: options into the list of the palette.
// What this page can do, by the words that its key sheet says.
export function actions(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...document.querySelectorAll("[data-key-help]:not([data-opens-palette], [data-key-listed], :disabled)")];
  return found.filter((element) => words.length && words.every((word) => element.dataset.keyHelp.toLowerCase().includes(word))).slice(0, 5);
}

// As options at the end of the list; `chosen` is called before one is done.
export function offerActions(list, elements, chosen) {
  if (!elements.length) return;
  const group = Object.assign(document.createElement("div"), { className: "group" });
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "On this page");
  group.append(Object.assign(document.createElement("div"), { className: "heading", textContent: "On this page" }));
  for (const element of elements) {
    const option = Object.assign(document.createElement("button"), { type: "button", className: "found", tabIndex: -1, textContent: element.dataset.keyHelp });
    option.setAttribute("role", "option");
    option.addEventListener("click", () => {
      chosen();
      if (element.matches("input, textarea")) element.focus();
      else element.click();
    });
    group.append(option);
  }
  list.append(group);
}
