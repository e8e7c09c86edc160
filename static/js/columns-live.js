// Where nobody chose columns, what running runs log under new names becomes columns: at once where the table stands at its top and
// nobody is busy in it, else when a person asks for it.
// Listens to: "columns-news" (the usual columns of the changed runs). Reads: #table-pane.
import { again, columns, runs, table } from "./table-state.js";

const known = new Set(); // asked for once: a name may be too rare to become a column
let waiting = [];

const calm = () => table().scrollTop < 4 && !runs.querySelector(".editing, :focus-visible, input:checked") && !document.querySelector(".popover");

function offer() {
  let button = document.querySelector(".fresh-columns");
  if (!waiting.length) return button?.remove();
  if (!button) {
    button = Object.assign(document.createElement("button"), { type: "button", className: "button fresh-runs fresh-columns" });
    button.addEventListener("click", () => { waiting = []; offer(); again(); });
    document.getElementById("table-pane").prepend(button);
  }
  button.textContent = `Show ${waiting.length} new ${waiting.length === 1 ? "column" : "columns"}`;
}

document.addEventListener("columns-news", (event) => {
  const shown = new Set(columns()), fresh = event.detail.filter((name) => !shown.has(name) && !known.has(name));
  if (!fresh.length) return;
  for (const name of fresh) known.add(name);
  if (calm()) again();
  else { waiting = [...new Set([...waiting, ...fresh])]; offer(); }
});
document.addEventListener("table-shown", () => { waiting = []; offer(); });
