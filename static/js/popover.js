// A small menu at a place of the page: arrow keys, Home and End move, Escape and a click elsewhere close it. Imported by what opens one.
// Reads: nothing. Writes: one .popover at the end of main.
let open = null;

export function closePopover(back = true) {
  if (!open) return;
  const { panel, anchor } = open;
  open = null;
  panel.remove();
  anchor.removeAttribute("aria-expanded");
  if (back) anchor.focus?.({ preventScroll: true });
}

function item({ label, act, checked, head, look }) {
  if (head !== undefined) return Object.assign(document.createElement("div"), { className: "head", textContent: head });
  const button = Object.assign(document.createElement("button"), { type: "button", className: look ?? "" });
  button.setAttribute("role", checked === undefined ? "menuitem" : "menuitemradio");
  if (checked !== undefined) button.setAttribute("aria-checked", String(checked));
  button.append(Object.assign(document.createElement("bdi"), { textContent: label }));
  button.addEventListener("click", () => {
    closePopover();
    act();
  });
  return button;
}

function place(panel, box) {
  const { innerWidth, innerHeight } = window;
  panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - panel.offsetWidth - 8))}px`;
  const below = box.bottom + 4 + panel.offsetHeight < innerHeight;
  panel.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - panel.offsetHeight - 4)}px`;
}

function key(event) {
  const buttons = [...open.panel.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") closePopover();
  else if (to !== undefined) buttons.at(to % buttons.length).focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// `items`: {label, act, checked?, look?} or {head}. `className` tells how they look.
export function openPopover(anchor, items, label, className = "") {
  const again = open?.anchor === anchor;
  closePopover(false);
  if (again) return;
  const panel = Object.assign(document.createElement("div"), { className: `popover ${className}` });
  panel.setAttribute("role", "menu");
  panel.setAttribute("aria-label", label);
  panel.append(...items.filter(Boolean).map(item));
  (document.querySelector("main") ?? document.body).append(panel);
  open = { panel, anchor };
  anchor.setAttribute("aria-expanded", "true");
  place(panel, anchor.getBoundingClientRect());
  panel.addEventListener("keydown", key);
  panel.querySelector("button")?.focus({ preventScroll: true });
}

document.addEventListener("pointerdown", (event) => open && !open.panel.contains(event.target) && !open.anchor.contains(event.target) && closePopover(false));
document.addEventListener("scroll", (event) => open && !open.panel.contains(event.target) && closePopover(false), true);
