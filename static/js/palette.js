// The command palette: finds experiments, runs and models while one types, and what the page itself can do.
// Reads: dialog#palette with data-palette (where to ask), data-opens-palette, [data-key-help] (what the page can do).
const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const said = dialog.querySelector("[role=status]");
const WAIT = 90;
let asked;
let timer;

const options = () => [...list.querySelectorAll("[role=option]")];
const current = () => list.querySelector("[aria-selected=true]");

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  field.setAttribute("aria-activedescendant", option?.id ?? "");
  option?.scrollIntoView({ block: "nearest" });
}

// What this page can do, by the words that its key sheet says.
function actions(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...document.querySelectorAll("[data-key-help]:not([data-opens-palette], [data-key-listed], :disabled)")];
  return found.filter((element) => words.length && words.every((word) => element.dataset.keyHelp.toLowerCase().includes(word))).slice(0, 5);
}

function add(elements) {
  if (!elements.length) return;
  const group = Object.assign(document.createElement("div"), { className: "group" });
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "On this page");
  group.append(Object.assign(document.createElement("div"), { className: "heading", textContent: "On this page" }));
  for (const element of elements) {
    const option = Object.assign(document.createElement("button"), { type: "button", className: "found", tabIndex: -1, textContent: element.dataset.keyHelp });
    option.setAttribute("role", "option");
    option.addEventListener("click", () => {
      dialog.close();
      if (element.matches("input, textarea")) element.focus();
      else element.click();
    });
    group.append(option);
  }
  list.append(group);
}

async function ask() {
  asked?.abort();
  asked = new AbortController();
  const text = field.value.trim();
  try {
    const answer = await fetch(`${dialog.dataset.palette}?${new URLSearchParams({ q: text })}`, { headers: { "HX-Request": "true", Accept: "text/html" }, signal: asked.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    list.innerHTML = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") return;
    list.replaceChildren();
    said.textContent = "The server cannot be reached. What is on this page can still be chosen.";
  }
  add(actions(text));
  options().forEach((option, i) => { option.id = `found-${i}`; });
  choose(options()[0]);
  if (answered()) said.textContent = options().length ? `${options().length} found` : "Nothing found";
}

const answered = () => list.childElementCount > 0 || !said.textContent.startsWith("The server");

function open() {
  if (dialog.open) return;
  said.textContent = "";
  field.value = "";
  dialog.showModal();
  field.focus();
  ask();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens-palette]");
  if (opener && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    open();
  } else if (event.target === dialog) dialog.close();
});

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT);
});

dialog.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.indexOf(current());
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
  } else if (event.key === "Enter" && current()) {
    event.preventDefault();
    current().dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: event.ctrlKey, metaKey: event.metaKey }));
  }
});
