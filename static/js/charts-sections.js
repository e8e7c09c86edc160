// Which panels there are, in which sections: by what stands before the first "/" of a metric's name.
// Reads: nothing.
export const chosen = 12; // panels of a section that are shown at once
export const OTHERS = "Metrics", SYSTEM = "system";

export function pattern(text) {
  try { return new RegExp(text, "i"); } catch { return null; }
}

export const sectionOf = (key) => (key.includes("/") ? key.slice(0, key.indexOf("/")) || OTHERS : OTHERS);

const byName = (one, other) => one.localeCompare(other, "en", { numeric: true });

// [{name, open, keys}]: metrics without a section first, the system's last and closed from the start.
export function sectionsOf(names, settings) {
  if (settings.only) return [{ name: sectionOf(settings.only), open: true, keys: [settings.only] }];
  const found = settings.search ? pattern(settings.search) : null, text = settings.search.toLowerCase();
  const fits = (key) => (found ? found.test(key) : key.toLowerCase().includes(text));
  const keys = [...new Set([...names, ...settings.added])].filter((key) => fits(key) && !settings.removed.includes(key)).sort(byName);
  const place = new Map(settings.order.map((key, i) => [key, i]));
  keys.sort((one, other) => (place.get(one) ?? Infinity) - (place.get(other) ?? Infinity) || 0);
  const sections = [...Map.groupBy(keys, sectionOf)].map(([name, listed]) => ({ name, keys: listed, open: settings.folded.includes(name) === (name === SYSTEM) || Boolean(settings.search) }));
  const weight = ({ name }) => (name === OTHERS ? 0 : name === SYSTEM ? 2 : 1);
  return sections.sort((one, other) => weight(one) - weight(other) || byName(one.name, other.name));
}
