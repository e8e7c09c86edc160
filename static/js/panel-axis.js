// A metric that was logged without steps has all its points at one: its panel shows them by time, or where each run has only one
// the last values beside each other, apart from the others' zoom.
// Reads: nothing. Expects a panel: {pane, key, area, data, apart}; `apart` is {x, zoom} of such a panel, else null.
import { noun } from "./charts-noun.js";

export function settingsOf({ pane, apart }) {
  if (apart) return { ...pane.settings, x: apart.x, logX: false, zoom: apart.zoom };
  return pane.settings.x === "place" ? { ...pane.settings, logX: false } : pane.settings;
}

// Of so many lines each has a bucket for two pixels: which of them a pixel belongs to is not seen, and no extreme is lost.
const MANY = 30;

// What the panel asks the server for.
export function askedBy(panel, live) {
  const { pane, apart, data, key, area } = panel, { first, last, ...asked } = pane.asked();
  const wide = (area.clientWidth - 60) / (asked[noun.asked].length > MANY && !asked.by ? 2 : 1);
  Object.assign(asked, { key, width: Math.max(100, Math.round(wide)) });
  if (live && data) asked.seen = data.version;
  const [start, end] = apart ? apart.zoom ?? [] : [first, last], { x } = apart ?? asked;
  if (start !== undefined && x !== "place") Object.assign(asked, { first: start, last: end });
  return apart || x === "place" ? { ...asked, x, log: false } : asked;
}

// The axis that shows what stands at one step; nothing where there is more to see along the steps.
function otherAxis({ pane, apart, data }) {
  const [first, last] = data.extent;
  if (!apart && pane.settings.x === "step" && data.axis === "place") return "place"; // as the server saw at once
  if (apart || pane.settings.x !== "step" || first !== last) return "";
  const several = data.grouped ? !data.single : data.lines.some((line) => line.points > 1);
  return several ? "relative" : data.lines.length > 1 ? "place" : "";
}

// Where another axis is better the panel has it from now on; whether it has to ask again, because the server did not see it before.
export function standsApart(panel) {
  const x = otherAxis(panel);
  if (x) panel.apart = { x, zoom: null };
  return x !== "" && panel.data.axis !== x;
}
