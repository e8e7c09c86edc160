// Finds columns by typing and adds them; the shown ones can be moved, pinned, turned into another value and taken away.
// Reads: [data-picker][data-names], [data-picker-find], [data-picker-found], [data-picker-chosen], [data-picker-usual]; th[data-column] of #runs.
import { ask } from "./ask-server.js";
import * as order from "./column-order.js";
import { failedPart } from "./failed-part.js";
import { skeletons } from "./skeletons.js";
import { columns, go } from "./table-state.js";

const panel = document.querySelector("[data-picker]");
const find = panel.querySelector("[data-picker-find]");
const found = panel.querySelector("[data-picker-found]");
const chosen = panel.querySelector("[data-picker-chosen]");
const TITLES = { attributes: "Attributes", metrics: "Metrics", params: "Params", tags: "Tags" };
let turn = 0, labels = {}, dragged = null;

const make = (name, fields = {}, ...children) => {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...children);
  return made;
};
const headed = (id) => document.querySelector(`#runs th[data-column="${CSS.escape(id)}"] bdi`)?.textContent; // until the names are there
const label = (id) => { const { kind, name } = order.parts(id); return (kind === "attributes" || kind === "tags" ? labels[name] ?? headed(id) : "") || name; };

async function look() {
  const mine = ++turn;
  const url = new URL(panel.dataset.names, location.href);
  url.searchParams.set("typed", find.value.trim());
  if (!found.childElementCount) skeletons(found);
  found.hidden = false;
  const answer = await ask(url, { busy: found }).catch((failed) => mine === turn && found.replaceChildren(failedPart("The names could not be loaded", failed, look)));
  if (mine !== turn || !answer) return;
  const { found: kinds, labels: known } = answer;
  const first = !Object.keys(labels).length;
  labels = known;
  if (first) draw();
  const groups = Object.entries(kinds).map(([kind, { names, more }]) => group(kind, names, more)).filter(Boolean);
  found.replaceChildren(...(groups.length ? groups : [make("p", { className: "quiet", textContent: "No other name holds this. To show it all the same, type its kind too, such as metrics.loss, and press Enter." })]));
}

function group(kind, names, more) {
  const shown = new Set(columns());
  const list = names.map((name) => `${kind}.${name}`).filter((id) => !shown.has(id) && id !== "attributes.run_name");
  if (!list.length) return null;
  const buttons = list.map((id) => {
    const button = make("button", { type: "button", className: "offer", title: id }, make("bdi", { textContent: label(id) }));
    button.addEventListener("click", () => Promise.resolve(order.add(id)).then(() => { draw(); look(); find.focus(); }));
    return button;
  });
  return make("section", {}, make("h2", { textContent: TITLES[kind] }), ...buttons, ...(more ? [make("p", { className: "quiet", textContent: "Type to find more" })] : []));
}

function row(id, i, list) {
  const { of, kind } = order.parts(id);
  const then = (act) => () => Promise.resolve(act()).then(draw);
  const button = (text, title, act, off = false) => {
    const made = make("button", { type: "button", textContent: text, title, disabled: off });
    made.setAttribute("aria-label", `${title}: ${label(id)}`);
    made.addEventListener("click", then(act));
    return made;
  };
  const item = make("li", { draggable: true, title: id }, make("bdi", { textContent: label(id) }));
  if (kind === "metrics") {
    const values = make("select", {}, ...["last", "min", "max", "best"].map((value) => make("option", { value, textContent: value, selected: value === (of || "last") })));
    values.setAttribute("aria-label", `Value of ${label(id)}`);
    values.addEventListener("change", then(() => order.turnInto(id, values.value)));
    item.append(values);
  }
  const pinned = order.pins().includes(id);
  item.append(button(pinned ? "Unpin" : "Pin", pinned ? "Unpin" : "Pin", () => order.pin(id, !pinned)), button("↑", "Move up", () => order.shift(id, -1), i === 0), button("↓", "Move down", () => order.shift(id, 1), i === list.length - 1), button("×", "Hide", () => order.hide(id)));
  item.addEventListener("dragstart", () => { dragged = id; });
  item.addEventListener("dragover", (event) => dragged && event.preventDefault());
  item.addEventListener("drop", then(() => dragged && dragged !== id && order.move(dragged, id)));
  return item;
}

function draw() {
  const list = columns();
  const focused = document.activeElement?.getAttribute?.("aria-label");
  chosen.replaceChildren(make("h2", { textContent: "Shown columns" }), make("ul", { className: "chosen" }, ...list.map(row)));
  if (focused) chosen.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

panel.closest("details").addEventListener("toggle", (event) => event.target.open && (draw(), look()));
find.addEventListener("input", look);
panel.addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = find.value.trim();
  if (/^((last|min|max|best):)?(metrics|params|tags|attributes)\../.test(typed)) Promise.resolve(order.add(typed)).then(draw);
  else found.querySelector("button.offer")?.click();
});
panel.querySelector("[data-picker-usual]").addEventListener("click", (event) => {
  event.preventDefault();
  go({ columns: [], pin: [] }).then(draw);
});
