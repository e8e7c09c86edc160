// The command palette: finds experiments, runs and models while one types, and what the page itself can do.
// Reads: dialog#palette with data-palette (where to ask), data-opens-palette, [data-key-help] (what the page can do).
import { ask as askServer } from "./ask-server.js";
import { actions, offerActions } from "./palette-actions.js";
import { skeletons } from "./skeletons.js";

const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const said = dialog.querySelector("[role=status]");
const WAIT = 90;
let asked, failed = false;
let timer;

const options = () => [...list.querySelectorAll("[role=option]")];
const current = () => list.querySelector("[aria-selected=true]");

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  field.setAttribute("aria-activedescendant", option?.id ?? "");
  option?.scrollIntoView({ block: "nearest" });
}

function offerAgain() {
  const option = Object.assign(document.createElement("button"), { type: "button", className: "found", tabIndex: -1, textContent: "Try again" });
  option.setAttribute("role", "option");
  option.addEventListener("click", () => { field.focus(); ask(); });
  list.append(option);
}

async function ask() {
  asked?.abort();
  asked = new AbortController();
  const text = field.value.trim();
  failed = false;
  try {
    if (!list.childElementCount) skeletons(list);
    list.innerHTML = await askServer(`${dialog.dataset.palette}?${new URLSearchParams({ q: text })}`, { as: "html", busy: list, signal: asked.signal });
  } catch (error) {
    if (error.name === "AbortError") return;
    failed = true;
    list.replaceChildren();
    said.textContent = `${error.message} What is on this page can still be chosen.`;
  }
  offerActions(list, actions(text), () => dialog.close());
  if (failed) offerAgain();
  options().forEach((option, i) => { option.id = `found-${i}`; });
  choose(options()[0]);
  if (!failed) said.textContent = options().length ? `${options().length} found` : "Nothing found";
}

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
