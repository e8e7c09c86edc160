// What the filter offers at a place: fields and names, what they compare with, values, AND and OR. Imported by filter-box.js.
// Reads: data-names and data-values of the box (URLs).
import { ask as askServer } from "./ask-server.js";

const ATTRIBUTES = ["run_name", "status", "user_id", "start_time", "end_time", "duration", "run_id"];
const NUMBERS = new Set(["start_time", "end_time", "duration"]);
const PREFIX = { metrics: "metrics", metric: "metrics", params: "params", param: "params", tags: "tags", tag: "tags" };
const known = new Map(); // URL to its answer: typing back and forth asks once

async function ask(base, more) {
  const url = new URL(base, location.href);
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value);
  if (!known.has(url.href)) {
    known.set(url.href, await askServer(url, { quiet: true }));
    setTimeout(() => known.delete(url.href), 30000);
  }
  return known.get(url.href);
}

export const quoted = (name) => (/^[\w./:-]*\w$/.test(name) ? name : name.includes("`") ? `"${name.replaceAll('"', '""')}"` : `\`${name}\``);
const kindOf = (field) => PREFIX[field.split(".")[0]] ?? "attributes";
const nameOf = (field) => field.slice(field.indexOf(".") + 1).replace(/^[`"]|[`"]$/g, "");

async function fields(box, { typed, start }) {
  const dot = typed.indexOf(".");
  const kind = dot > 0 ? PREFIX[typed.slice(0, dot)] : undefined;
  const words = kind ? nameOf(typed) : typed.replace(/`/g, "");
  const { found = {} } = await ask(box.dataset.names, { typed: words, ...(kind ? { kind } : {}) });
  const list = kind || !typed ? [] : ATTRIBUTES.filter((name) => `_${name}`.includes(`_${typed.toLowerCase()}`)).map((name) => ({ text: name, start, kind: "attribute" }));
  for (const other of kind ? [kind] : ["metrics", "params", "tags"]) {
    const names = found[other]?.names ?? [];
    list.push(...names.slice(0, kind ? 30 : 8).map((name) => ({ text: `${other}.${quoted(name)}`, start, kind: other.slice(0, -1) })));
    if (found[other]?.more && kind) list.push({ note: "Type on to find more names" });
  }
  return typed ? list : [...ATTRIBUTES.slice(0, 3).map((name) => ({ text: name, start, kind: "attribute" })), ...list];
}

function operators({ field, typed, start }) {
  const number = kindOf(field) === "metrics" || NUMBERS.has(field);
  const list = number ? [">", "<", ">=", "<=", "=", "!=", "BETWEEN", "IS NULL", "IS NOT NULL"] : ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"];
  return list.filter((word) => word.startsWith(typed.toUpperCase())).map((text) => ({ text: text === "IN" || text === "NOT IN" ? `${text} (` : text, start, more: text.endsWith("IN"), kind: "" }));
}

async function values(box, { field, typed, start }) {
  const kind = kindOf(field);
  if (kind === "metrics" || NUMBERS.has(field)) return [];
  const begun = typed.replace(/^'/, "").replaceAll("''", "'");
  const column = `${kind}.${kind === "attributes" ? field : nameOf(field)}`;
  const { values: found = [] } = await ask(box.dataset.values, { column, typed: begun });
  return found.map((value) => ({ text: `'${value.replaceAll("'", "''")}'`, label: value, start, kind: "value" }));
}

export async function offers(box, place) {
  const { state, typed, start } = place;
  if (state === "field") return fields(box, place);
  if (state === "operator") return operators(place);
  if (state === "value") return values(box, place);
  const words = state === "null" ? ["NULL", "NOT NULL"] : ["AND", "OR"];
  return words.filter((word) => word.startsWith(typed.toUpperCase())).map((text) => ({ text, start, kind: "" }));
}
