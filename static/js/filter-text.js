// What a filter says, as far as typing needs it: its words, its conditions, and what may follow at a place. Imported by filter-*.js.
// Reads: nothing; knows the query language of the server.
const TOKEN = /\s+|'(?:[^']|'')*'?|[A-Za-z_]\w*(?:\.(?:`[^`]*`?|"(?:[^"]|"")*"?|[\w./:-]*))?|`[^`]*`?|"(?:[^"]|"")*"?|[-+]?\d[\w.+-]*|<=|>=|!=|<>|[=<>(),]|[^]/g;
const WORDS = new Set(["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "IS", "NULL", "MIN", "MAX", "LATEST"]);

export function tokens(text) {
  return [...text.matchAll(TOKEN)].filter((match) => match[0].trim()).map((match) => {
    const word = match[0].toUpperCase();
    return { text: match[0], start: match.index, end: match.index + match[0].length, word: WORDS.has(word) ? word : "" };
  });
}

// The conditions that AND joins, as they stand; one when OR joins them, for then none can go alone.
export function conditions(text) {
  const found = [];
  let depth = 0, start = null, between = false;
  const list = tokens(text);
  for (const token of list) {
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    if (depth === 0 && token.word === "OR") return [text.trim()];
    if (depth === 0 && token.word === "BETWEEN") between = true;
    else if (depth === 0 && token.word === "AND") {
      if (between) between = false;
      else {
        if (start !== null) found.push(text.slice(start, token.start).trim());
        start = null;
        continue;
      }
    }
    start ??= token.start;
  }
  if (start !== null) found.push(text.slice(start).trim());
  return found;
}

export function joined(text, condition) {
  const list = conditions(text);
  if (list.includes(condition)) return text;
  const wrapped = list.length === 1 && tokens(text).some((token) => token.word === "OR") && !/^\(.*\)$/s.test(text.trim()) ? [`(${text.trim()})`] : list;
  return [...wrapped, condition].join(" AND ");
}

// A step of the grammar: what is expected behind `token` when `state` was expected there.
function next(state, token, seen) {
  if (["AND", "OR", "NOT"].includes(token.word)) return seen.between && token.word === "AND" ? (seen.between = false, "value") : state === "operator" ? "operator" : "field";
  if (token.text === "(") return seen.list ? "value" : "field";
  if (token.text === ",") return "value";
  if (token.text === ")") return seen.function ? (seen.function = false, "operator") : (seen.list = false, "connector");
  if (["MIN", "MAX", "LATEST"].includes(token.word)) return (seen.function = true, "field");
  if (token.word === "IS") return "null";
  if (token.word === "NULL") return "connector";
  if (token.word) return (seen.between = token.word === "BETWEEN", seen.list = token.word === "IN", "value");
  if (/^[=<>!]/.test(token.text)) return "value";
  if (state === "field") return (seen.field = token.text, seen.function ? "field" : "operator");
  return state === "value" && !seen.list ? "connector" : state;
}

// What may stand at `caret`: {state: "field" | "operator" | "value" | "null" | "connector", field, typed, start}.
export function expected(text, caret) {
  const before = tokens(text.slice(0, caret));
  const last = before.at(-1);
  const closed = last && /^'(?:[^']|'')*'$/.test(last.text);
  const partial = last && last.end === caret && !closed && !/^[(),=<>!]+$/.test(last.text) ? before.pop() : null;
  const seen = {};
  let state = "field";
  for (const token of before) state = next(state, token, seen);
  return { state, field: seen.field ?? "", typed: partial?.text ?? "", start: partial?.start ?? caret };
}
