// A list of what can be chosen below a field while one types: arrow keys, Enter, Tab, a click; Escape closes it. Imported by what offers.
// Reads: nothing. Writes: options into the given ul[role=listbox].
let number = 0;

// `find()` gives the offers, {text, label?, kind?} or {note}; `take(offer)` is called for the chosen one.
export function suggest(field, list, { find, take }) {
  let offers = [], at = -1, turn = 0;
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");

  function close() {
    turn++;
    at = -1;
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function stand(to) {
    const options = [...list.querySelectorAll("[role=option]")];
    options[at]?.removeAttribute("aria-selected");
    at = options.length ? (to + options.length) % options.length : -1;
    options[at]?.setAttribute("aria-selected", "true");
    options[at]?.scrollIntoView({ block: "nearest" });
    if (at >= 0) field.setAttribute("aria-activedescendant", options[at].id);
  }

  function option(offer) {
    const item = document.createElement("li");
    if (offer.note) {
      item.className = "note";
      item.textContent = offer.note;
      return item;
    }
    item.id = `offer-${++number}`;
    item.setAttribute("role", "option");
    item.append(Object.assign(document.createElement("bdi"), { textContent: offer.label ?? offer.text, title: offer.label ?? offer.text }));
    if (offer.kind) item.append(Object.assign(document.createElement("small"), { textContent: offer.kind }));
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      choose(offer);
    });
    return item;
  }

  function choose(offer) {
    close();
    take(offer);
  }

  async function look() {
    const mine = ++turn;
    const timer = setTimeout(() => mine === turn && list.hidden && put([{ note: "Looking for what fits…" }]), 200);
    const found = await find().catch((failed) => [{ note: `${failed.told?.("What fits could not be loaded") ?? failed.message} Type on to try again.` }]);
    clearTimeout(timer);
    if (mine !== turn || document.activeElement !== field) return;
    put(found);
  }

  function put(found) {
    offers = found.filter((offer) => !offer.note);
    at = -1;
    field.removeAttribute("aria-activedescendant");
    list.replaceChildren(...found.map(option));
    list.hidden = found.length === 0;
    field.setAttribute("aria-expanded", String(found.length > 0));
  }

  field.addEventListener("input", look);
  field.addEventListener("click", look);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" && list.hidden) look();
    else if (list.hidden) return;
    else if (event.key === "ArrowDown") stand(at + 1);
    else if (event.key === "ArrowUp") stand(at < 0 ? -1 : at - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) choose(offers[at]);
    else if (event.key === "Escape") close();
    else return void (event.key === "Enter" && close());
    event.preventDefault();
    event.stopPropagation();
  });
  return { close, look };
}
