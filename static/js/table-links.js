// Links of the toolbar lead to a state of the table that keeps what was changed since the page came.
// Reads: a[data-state-link] (what it changes, as a query).
import { address } from "./table-state.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-state-link]");
  if (!link) return;
  const changes = {};
  for (const [name, value] of new URLSearchParams(link.dataset.stateLink)) changes[name] = value;
  link.href = address(changes).href;
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-group-form]");
  if (!form) return;
  event.preventDefault();
  const group = new FormData(form).getAll("group").filter(Boolean);
  location.href = address({ group, nested: "" }).href;
});
