// The charts group runs as the table does, unless somebody grouped them in another way, or not at all.
// Reads: group of the query. Listens to: "table-shown", and htmx when it changed the address. Expects a pane: {settings, change()}.
export const groupsOfTable = () => new URLSearchParams(location.search).getAll("group").filter((id) => /^(params|tags)\./.test(id)).slice(0, 4);
export const groupOfTable = () => groupsOfTable()[0] ?? "";

export function followTable(pane) {
  let before = "";
  const follow = () => {
    const now = groupOfTable(), last = before;
    before = now;
    if (now === last) return;
    if (!now) pane.change({ apart: false });
    if (pane.settings.group === last && !pane.settings.apart) pane.change({ group: now }, { ask: true });
  };
  for (const name of ["table-shown", "htmx:pushedIntoHistory", "popstate"]) (name === "popstate" ? window : document).addEventListener(name, follow);
  follow();
}
