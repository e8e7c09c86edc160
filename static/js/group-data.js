// Lines of groups as the server works them out over all runs of each. The bytes are told in runs/panel_groups.py.
// Reads: nothing. A group's line is {id, name, x, mean, median, std, least, most, runs, odd, flags, members, size, measured, drawn}: `size` runs
// are in it, `measured` of them have the metric, `drawn` of these are in the figures; `members` are those of them that the page shows.
export const NO_VALUE = "no value";

const FIGURES = ["x", "mean", "median", "std", "least", "most"], COUNTS = ["runs", "odd"];

// What a group is called, and what it is known by: a run may have the param "no value".
export const nameOf = (values) => values.map((value) => value ?? NO_VALUE).join(" \u00b7 ");
export const idOf = (values) => `group:${JSON.stringify(values)}`;

export function openedGroups(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const column = (Kind, parts) => { const found = new Kind(buffer, at, parts); at += found.byteLength; return found; };
  const lines = head.groups.map(({ values, runs, ...group }) => ({ ...group, drawn: runs, id: idOf(values), name: nameOf(values), members: [], nan: 0 }));
  for (const line of lines) for (const name of FIGURES) line[name] = column(Float64Array, line.parts);
  for (const line of lines) for (const name of COUNTS) line[name] = column(Uint32Array, line.parts);
  for (const line of lines) line.flags = column(Uint8Array, line.parts);
  for (const [id, number] of Object.entries(head.shown)) lines[number].members.push(id);
  return { ...head, lines, grouped: true };
}
