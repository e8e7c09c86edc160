// Which panels there are, in which sections: by what stands before the first "/" of a metric's name.
// Reads: nothing.
export const FIRST = 12, PAGE = 48; // panels of a section that are shown from the start, and at most
export const OPEN = 48; // panels in sections that are open from the start
export const MOST = 240; // panels on the page: what was opened longest ago is closed
export const SECTIONS = 60; // sections that are listed at once
export const OTHERS = "Metrics", SYSTEM = "system";

export function pattern(text) {
  try { return new RegExp(text, "i"); } catch { return null; }
}

export const sectionOf = (key) => (key.includes("/") ? key.slice(0, key.indexOf("/")) || OTHERS : OTHERS);

const { compare: byName } = new Intl.Collator("en", { numeric: true });

function opened({ name, usual }, settings) {
  if (settings.search) return usual;
  if (settings.unfolded.includes(name)) return true;
  return usual && !settings.folded.includes(name);
}

// [{name, usual, open, keys}]: metrics without a section first, the system's last. `usual`: open from the start.
export function sectionsOf(names, settings) {
  if (settings.only) return [{ name: sectionOf(settings.only), usual: true, open: true, keys: [settings.only] }];
  const found = settings.search ? pattern(settings.search) : null, text = settings.search.toLowerCase(), removed = new Set(settings.removed);
  const fits = (key) => (found ? found.test(key) : key.toLowerCase().includes(text));
  const keys = [...new Set([...names, ...settings.added])].filter((key) => fits(key) && !removed.has(key)).sort(byName);
  const place = new Map(settings.order.map((key, i) => [key, i]));
  keys.sort((one, other) => (place.get(one) ?? Infinity) - (place.get(other) ?? Infinity) || 0);
  const weight = ({ name }) => (name === OTHERS ? 0 : name === SYSTEM ? 2 : 1);
  const sections = [...Map.groupBy(keys, sectionOf)].map(([name, listed]) => ({ name, keys: listed }));
  sections.sort((one, other) => weight(one) - weight(other) || byName(one.name, other.name));
  let room = OPEN;
  for (const section of sections) {
    section.usual = room > 0 && (section.name !== SYSTEM || Boolean(settings.search));
    if (section.usual) room -= Math.min(FIRST, section.keys.length);
    section.open = opened(section, settings);
  }
  return sections;
}

// A section was opened or closed by hand.
export function turned(settings, { name, usual }, open) {
  const without = (list) => list.filter((other) => other !== name);
  return { folded: !open && usual ? [...without(settings.folded), name] : without(settings.folded), unfolded: open && !usual ? [...without(settings.unfolded), name] : without(settings.unfolded) };
}
