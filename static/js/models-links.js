// Links and forms of the page of logged models keep what was changed since it came: layout, hidden models, charts.
// Reads: links to this very page; forms with data-models-form (the field that is theirs); buttons whose formaction has the state.
import { query } from "./table-state.js";

const KEPT = ["layout", "hidden", "charts"];

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.pathname !== location.pathname || link.hash || link.dataset.layoutLink) return;
  const url = new URL(link.href);
  for (const name of KEPT) {
    url.searchParams.delete(name);
    for (const value of query().getAll(name)) url.searchParams.append(name, value);
  }
  link.href = url.href;
});

document.addEventListener("formdata", ({ target, formData }) => {
  if (!target.matches("[data-models-form]")) return;
  for (const name of KEPT) {
    formData.delete(name);
    for (const value of query().getAll(name)) formData.append(name, value);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[formaction*='/models/change']");
  if (!button) return;
  const url = new URL(button.formAction);
  url.search = query();
  button.formAction = url.href;
});
