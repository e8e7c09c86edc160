// Says of how many runs the groups of a panel are, and which ones where not all of them are in it.
// Reads: nothing.
import { noun } from "./charts-noun.js";
import { number } from "./charts-pages.js";

const some = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
const runs = (count) => some(count, noun.one, noun.many);

export function groupsNote(data, { lines }) {
  const groups = data.more_groups ? `the ${number(lines.length)} largest of ${number(lines.length + data.more_groups)} groups` : some(lines.length, "group", "groups");
  const drawn = data.grouped ? data.runs : lines.reduce((sum, line) => sum + line.drawn, 0), measured = data.measured ?? drawn;
  const all = data.total > data.looked_at ? `the newest ${number(data.looked_at)} of ${runs(data.total)}` : runs(measured);
  const note = drawn < measured ? `${groups}, the newest ${number(drawn)} of ${all}` : `${groups} of ${all}`;
  return data.coarse ? `${note}, zoom in for more detail` : note;
}
