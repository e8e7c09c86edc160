// The field to group by offers params and tags while one types.
// Reads: [data-group-find][data-names] and the list beside it.
import { ask } from "./ask-server.js";
import { suggest } from "./suggestions.js";

const field = document.querySelector("[data-group-find]");

async function find() {
  const url = new URL(field.dataset.names, location.href);
  url.searchParams.set("typed", field.value.replace(/^(params|tags)\./, ""));
  const { found } = await ask(url, { quiet: true });
  return ["params", "tags"].flatMap((kind) => found[kind].names.slice(0, 15).map((name) => ({ text: `${kind}.${name}`, label: name, kind: kind.slice(0, -1) })));
}

if (field) suggest(field, field.parentNode.querySelector("[role=listbox]"), {
  find,
  take: ({ text }) => {
    field.value = text;
    field.form.requestSubmit();
  },
});
