// A quiet mark at the edge of a page that does not hear of changes at the moment: when it asks again, and the way to do it at once.
// Reads: nothing. Writes: .not-live at the end of the body.
let mark = null, clock, due = 0, ask;

function make() {
  mark = Object.assign(document.createElement("div"), { className: "not-live" });
  const said = Object.assign(document.createElement("span"), { textContent: "" });
  said.setAttribute("role", "status");
  const when = document.createElement("span");
  when.setAttribute("aria-hidden", "true"); // nobody wants to be read a number every second
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button bare", textContent: "Try now" });
  button.addEventListener("click", () => ask());
  mark.append(said, when, button);
  document.body.append(mark);
  said.textContent = navigator.onLine ? "Not live" : "Offline, not live";
}

function count() {
  const left = Math.ceil((due - Date.now()) / 1000);
  mark.children[1].textContent = left > 0 ? `trying again in ${left} s` : "trying again\u2026";
}

// `wait`: ms until it is asked again; `now`: asks at once.
export function notLive(wait, now) {
  due = Date.now() + wait;
  ask = now;
  if (!mark) make();
  count();
  clearInterval(clock);
  clock = setInterval(count, 1000);
}

export function isLive() {
  clearInterval(clock);
  mark?.remove();
  mark = null;
}
