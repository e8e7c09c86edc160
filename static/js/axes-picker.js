// Which params and metrics are axes of the parallel coordinates: a list of checkboxes with a search, by mouse and by keyboard.
// Reads: details[data-axes] with [data-axes-count], [data-axes-find], [data-axes-set], [data-axes-list], [data-axes-said].
const menu = document.querySelector("[data-axes]"), one = (name) => menu.querySelector(`[data-axes-${name}]`);

const nameOf = (id) => id.slice(id.indexOf(".") + 1);

function choice(id, checked) {
  const label = document.createElement("label");
  label.title = nameOf(id);
  label.append(Object.assign(document.createElement("input"), { type: "checkbox", value: id, checked }), Object.assign(document.createElement("bdi"), { textContent: nameOf(id) }));
  return label;
}

// `kinds`: [[title, ids]]; `different`: the ids that the button takes; `tell` gets the chosen ids, those that were there first.
export function pickAxes(kinds, chosen, different, tell) {
  let axes = chosen;
  const boxes = () => [...one("list").querySelectorAll("input")], shown = () => boxes().filter((box) => !box.closest("label").hidden);
  const say = () => { one("count").textContent = axes.length; };

  function set(ids) {
    axes = [...axes.filter((id) => ids.includes(id)), ...ids.filter((id) => !axes.includes(id))];
    for (const box of boxes()) box.checked = axes.includes(box.value);
    say();
    tell(axes);
  }

  for (const [title, ids] of kinds) {
    if (!ids.length) continue;
    const group = Object.assign(document.createElement("fieldset"), { className: "choices" });
    group.append(Object.assign(document.createElement("legend"), { textContent: title }), ...ids.map((id) => choice(id, axes.includes(id))));
    one("list").append(group);
  }
  say();
  one("list").addEventListener("change", ({ target }) => set(target.checked ? [...axes, target.value] : axes.filter((id) => id !== target.value)));
  one("find").addEventListener("input", ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const box of boxes()) box.closest("label").hidden = !words.every((word) => nameOf(box.value).toLowerCase().includes(word));
    for (const group of one("list").children) group.hidden = !group.querySelector("label:not([hidden])");
    one("said").hidden = shown().length > 0;
    one("said").textContent = shown().length ? "" : "No param or metric has this in its name.";
  });
  menu.addEventListener("click", ({ target }) => {
    const all = target.closest("[data-axes-set]")?.dataset.axesSet;
    if (all) set(all === "none" ? [] : different);
  });
  menu.addEventListener("toggle", () => menu.open && one("find").focus());
  menu.addEventListener("keydown", (event) => {
    const list = [one("find"), ...shown()], at = list.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (event.key === "Enter" && at >= 0) { event.preventDefault(); (at ? list[at] : list[1])?.click(); }
    if (to === undefined || at < 0) return;
    event.preventDefault();
    list.at(to % list.length).focus();
  });
}
