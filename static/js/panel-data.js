// One metric of many runs or groups from the server, and the names of what runs have. The bytes are told in runs/panels.py and panel_groups.py.
// Reads: data-prefix of the page. A line is {id, name, x, y, low, high, flags, exact, group, ...}; low and high are y when exact.
import { ask } from "./ask-server.js";
import { noun } from "./charts-noun.js";
import { openedGroups } from "./group-data.js";

export const NAN = 1, UP = 2, DOWN = 4, EMPTY = 8;

const prefix = () => document.documentElement.dataset.prefix || "";

// The panels show by themselves that they wait.
const post = (path, body, as, signal) => ask(prefix() + path, { body, as, signal, quiet: true });

export function opened(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const column = (parts) => { const found = new Float64Array(buffer, at, parts); at += 8 * parts; return found; };
  for (const line of head.lines) {
    line.x = column(line.parts);
    line.y = column(line.parts);
    line.low = line.exact ? line.y : column(line.parts);
    line.high = line.exact ? line.y : column(line.parts);
  }
  for (const line of head.lines) {
    line.flags = new Uint8Array(buffer, at, line.parts);
    at += line.parts;
  }
  return head;
}

// null when nothing changed since `asked.seen`.
export async function loadPanel(asked, signal) {
  const answer = await post(asked.by ? "/charts/groups" : "/charts/panel", asked, "buffer", signal);
  return answer && (asked.by ? openedGroups : opened)(answer);
}

export async function loadNames(runs) {
  return post("/charts/names", { [noun.asked]: runs });
}

// The metrics whose names hold all of the words.
export async function findNames(runs, words) {
  return post("/charts/names", { [noun.asked]: runs, words, search: true });
}

// The part that holds `x`: the last one that begins there or before; -1 when the line begins later.
export function partAt(line, x) {
  let low = 0, high = line.x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (line.x[middle] <= x) low = middle + 1; else high = middle;
  }
  return low - 1;
}
