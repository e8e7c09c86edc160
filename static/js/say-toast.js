// Says what just happened, for ten seconds, with the way back. Imported by what changes things without leaving the page.
// Reads: nothing. Writes: a .toast at the end of the body, in place of the one before.
const SECONDS = 10;

function button(text, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: text });
  made.addEventListener("click", act);
  return made;
}

// `failed` (of ask-server.js) kept something from being done; `again`: the way to try it once more.
export const sayFailed = (what, failed, again) => sayToast(failed.told ? failed.told(what) : `${what}: ${failed.message}`, { bad: true, again });

// `undo` and `again` are called by their buttons; `bad`: an error, which stays until it is closed.
export function sayToast(text, { undo, again, bad } = {}) {
  document.querySelector(".toast")?.remove();
  const toast = Object.assign(document.createElement("div"), { className: `toast${bad ? " bad" : ""}` });
  toast.setAttribute("role", bad ? "alert" : "status");
  const said = document.createElement("span");
  toast.append(said);
  if (undo) {
    const back = button("Undo", () => { toast.remove(); undo(); });
    Object.assign(back.dataset, { key: "z", keyHelp: "Undo what was just done" });
    toast.append(back);
  }
  if (again) toast.append(button("Try again", () => { toast.remove(); again(); }));
  toast.append(button("Close", () => toast.remove()));
  document.body.append(toast);
  said.textContent = text; // after it stands there, so that screen readers say it
  if (bad) return;
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), SECONDS * 1000); };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}
