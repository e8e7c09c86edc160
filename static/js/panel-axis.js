// A metric that was logged without steps has all its points at one: its panel shows them by time, apart from the others' zoom.
// Reads: nothing. Expects a panel: {pane, key, area, data, apart}; `apart` is {zoom} of such a panel, else null.
export const settingsOf = ({ pane, apart }) => (apart ? { ...pane.settings, x: "relative", logX: false, zoom: apart.zoom } : pane.settings);

// Of so many lines each has a bucket for two pixels: which of them a pixel belongs to is not seen, and no extreme is lost.
const MANY = 30;

// What the panel asks the server for.
export function askedBy(panel, live) {
  const { pane, apart, data, key, area } = panel, { first, last, ...asked } = pane.asked();
  const wide = (area.clientWidth - 60) / (asked.runs.length > MANY ? 2 : 1);
  Object.assign(asked, { key, width: Math.max(100, Math.round(wide)) });
  if (live && data) asked.seen = data.version;
  const [start, end] = apart ? apart.zoom ?? [] : [first, last];
  if (start !== undefined) Object.assign(asked, { first: start, last: end });
  return apart ? { ...asked, x: "relative", log: false } : asked;
}

export function stands(panel) {
  const { pane, apart, data } = panel, [first, last] = data.extent;
  return !apart && pane.settings.x === "step" && first === last && data.lines.some((line) => line.points > 1);
}
