// What every panel of a pane asks the server: lines of the shown runs, or groups of all the runs of the table.
// Reads: #runs[data-live] (its experiments), filter, view, nested, hidden, top and group of the query. Expects a pane: {settings, runs}.
import { groupOfTable, groupsOfTable } from "./charts-grouped.js";
import { noun } from "./charts-noun.js";

const STATE = ["filter", "view", "nested", "hidden", "top", "group"];

// The runs of the table are told by its state: most of them are in no row that was loaded.
function stateOfTable() {
  const runs = document.getElementById("runs");
  if (!runs?.dataset.live) return {};
  const now = new URLSearchParams(location.search), state = new URL(runs.dataset.live, location.href).searchParams;
  for (const name of STATE) for (const value of now.getAll(name)) state.append(name, value);
  return { table: String(state) };
}

export function askedOf({ settings, runs }) {
  const found = { [noun.asked]: [...runs.values()].filter((run) => !run.hidden).map((run) => run.id), x: settings.x, log: settings.logX };
  const { group } = settings;
  if (group && noun.asked === "models") found.group = group;
  else if (group) Object.assign(found, { by: group === groupOfTable() ? groupsOfTable() : [group] }, stateOfTable());
  if (settings.zoom && settings.x !== "place") {
    const [first, last] = settings.zoom;
    const before = settings.smooth === "none" || settings.logX ? 0 : (last - first) / 3; // what smoothing looks back to
    Object.assign(found, { first: first - before, last });
  }
  return found;
}

// Whether there is anything else to draw. Groups are the same when more rows of their table were loaded.
export function differs(before, now) {
  const [old, runs] = [before, now].map((asked) => asked[noun.asked]);
  if (now.table === undefined || before.table !== now.table) return before.table !== now.table || old.join() !== runs.join();
  const here = new Set(runs);
  return old[0] !== runs[0] || old.some((id) => !here.has(id));
}
