// The list of columns in the URL: adding, hiding, moving, pinning, another value of a metric. Imported by what changes columns.
// Reads: th[data-column] of the table (what is shown), pin of the URL.
import { columns, go, query } from "./table-state.js";

export const pins = () => query().getAll("pin");
export const set = (list) => go({ columns: list });
export const add = (id) => columns().includes(id) ? null : set([...columns(), id]);
export const hide = (id) => go({ columns: columns().filter((other) => other !== id), pin: pins().filter((other) => other !== id) });

export function pin(id, on) {
  return go({ columns: columns(), pin: on ? [...pins(), id] : pins().filter((other) => other !== id) });
}

// To where `before` stands; nothing: to the end. Between pinned columns it becomes one.
export function move(id, before) {
  const list = columns().filter((other) => other !== id);
  const at = before === null ? list.length : list.indexOf(before);
  const neighbour = list[at] ?? list[at - 1];
  const others = pins().filter((other) => other !== id);
  const pinned = others.includes(neighbour) || (pins().includes(id) && at === others.length);
  return go({ columns: list.toSpliced(at, 0, id), pin: pinned ? [...others, id] : others });
}

export function shift(id, by) {
  const list = columns();
  const at = list.indexOf(id);
  const to = at + by;
  if (to < 0 || to >= list.length) return null;
  return go({ columns: list.toSpliced(at, 1).toSpliced(to, 0, id) });
}

export const parts = (id) => {
  const [, of = "", kind, name] = id.match(/^(?:(last|min|max|best):)?(\w+)\.(.*)$/s) ?? [];
  return { of, kind, name };
};

export function turnInto(id, of) {
  const { kind, name } = parts(id);
  const other = of === "last" ? `${kind}.${name}` : `${of}:${kind}.${name}`;
  const swap = (list) => [...new Set(list.map((item) => (item === id ? other : item)))];
  return go({ columns: swap(columns()), pin: swap(pins()) });
}
