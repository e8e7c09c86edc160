// What every panel of a pane asks the server.
// Reads: nothing. Expects a pane: {settings, runs}.
import { noun } from "./charts-noun.js";

export function askedOf({ settings, runs }) {
  const found = { [noun.asked]: [...runs.values()].filter((run) => !run.hidden).map((run) => run.id), x: settings.x, log: settings.logX };
  if (settings.group) found.group = settings.group;
  if (settings.zoom && settings.x !== "place") {
    const [first, last] = settings.zoom;
    const before = settings.smooth === "none" || settings.logX ? 0 : (last - first) / 3; // what smoothing looks back to
    Object.assign(found, { first: first - before, last });
  }
  return found;
}
