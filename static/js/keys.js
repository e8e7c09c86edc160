// One registry of keys: an element says which key works it, and the sheet behind ? lists what is on the page.
// Reads: data-key ("c", "g e" one after the other, "Mod+k"), data-key-help (what it does), data-key-group (heading in the sheet),
// data-key-listed (its own script acts on the key: it is only listed), data-key-hidden of a bar (what to do first while it is hidden).
// Opens: dialog#keys.
import { sayToast } from "./say-toast.js";

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const PAUSE = 1200; // milliseconds between the two keys of a sequence
let before = "";
let timer;

export function typing(target) {
  return target.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !/^(checkbox|radio|button|submit)$/.test(target.type));
}

function act(element) {
  const bar = element.closest("[data-key-hidden]");
  if (bar?.hidden) return sayToast(bar.dataset.keyHidden);
  if (element.matches("input, textarea, select")) {
    element.focus();
    element.select?.();
  } else {
    element.click();
    if (element.matches("summary")) element.focus();
  }
}

const find = (key) => [...document.querySelectorAll("[data-key]:not([data-key-listed], :disabled)")].find((element) => element.dataset.key === key);
const begins = (key) => [...document.querySelectorAll("[data-key]")].some((element) => element.dataset.key.startsWith(`${key} `));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey || event.key === "Shift") return;
  const modified = event.ctrlKey || event.metaKey;
  if (document.querySelector("dialog[open]") || (!modified && typing(event.target))) return;
  const key = modified ? `Mod+${event.key.toLowerCase()}` : event.key;
  const element = find(before ? `${before} ${key}` : key) ?? find(key);
  clearTimeout(timer);
  before = "";
  if (element) {
    event.preventDefault();
    act(element);
  } else if (!modified && begins(key)) {
    before = key;
    timer = setTimeout(() => { before = ""; }, PAUSE);
  }
});

// The sheet.
const sheet = document.getElementById("keys");

function cap(text) {
  return Object.assign(document.createElement("kbd"), { textContent: { Mod: MAC ? "⌘" : "Ctrl", " ": "Space", ArrowRight: "→" }[text] ?? text });
}

function row(element) {
  const term = document.createElement("dt");
  element.dataset.key.split(" ").forEach((step, i) => {
    if (i) term.append(" ");
    const parts = step === "+" ? ["+"] : step.split("+");
    term.append(...parts.map((part) => cap(part.length === 1 && parts.length > 1 ? part.toUpperCase() : part)));
  });
  const help = Object.assign(document.createElement("dd"), { textContent: element.dataset.keyHelp });
  return [term, help];
}

function fill() {
  const groups = new Map();
  const seen = new Set();
  for (const element of document.querySelectorAll("[data-key][data-key-help]")) {
    const name = element.dataset.keyGroup ?? "This page", once = `${name} ${element.dataset.key}`;
    if (seen.has(once)) continue;
    seen.add(once);
    groups.set(name, [...(groups.get(name) ?? []), element]);
  }
  const order = (name) => (name === "Everywhere" ? 1 : 0);
  sheet.querySelector("[data-keys]").replaceChildren(...[...groups].sort(([a], [b]) => order(a) - order(b)).map(([name, elements]) => {
    const section = document.createElement("section");
    const list = document.createElement("dl");
    list.append(...elements.flatMap(row));
    section.append(Object.assign(document.createElement("h3"), { textContent: name }), list);
    return section;
  }));
}

for (const button of document.querySelectorAll("[data-opens-keys]")) {
  button.addEventListener("click", () => {
    fill();
    sheet.showModal();
  });
}
