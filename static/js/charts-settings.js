// How the charts are set, kept in the URL: charts=x:time;s:ema,0.6;ly;g:params.model,mean,std
// `apart`: a table of groups has charts without groups.
// Reads: the query of the page, data-metric of the pane (its only metric). What is as it is from the start stands nowhere.
const PARAM = "charts";

export const STARTING = {
  x: "step", smooth: "none", amount: 0.6, logX: false, logY: false, clip: false, group: "", apart: false, how: "mean", band: "std",
  search: "", zoom: null, only: "", folded: [], unfolded: [], added: [], removed: [], order: [], sizes: {},
};

const metric = document.querySelector("[data-metric]")?.dataset.metric ?? ""; // the page is about this one

export const hidden = (text) => String(text).replace(/[%,;:~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, "0")}`);
export const shown = (text) => text.replace(/%([0-9a-f]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));

export function toText(settings) {
  const parts = [];
  const add = (name, values) => parts.push(values.length ? `${name}:${values.map(hidden).join(",")}` : name);
  if (settings.x !== "step") add("x", [settings.x]);
  if (settings.smooth !== "none") add("s", [settings.smooth, settings.amount]);
  for (const [name, key] of [["lx", "logX"], ["ly", "logY"], ["o", "clip"]]) if (settings[key]) add(name, []);
  if (settings.group || settings.apart) add("g", settings.group ? [settings.group, settings.how, settings.band] : []);
  if (settings.search) add("q", [settings.search]);
  if (settings.zoom) add("z", settings.zoom);
  if (settings.only && !metric) add("p", [settings.only]);
  for (const [name, key] of [["f", "folded"], ["u", "unfolded"], ["a", "added"], ["r", "removed"], ["n", "order"]]) if (settings[key].length) add(name, settings[key]);
  const sizes = Object.entries(settings.sizes);
  if (sizes.length) parts.push(`d:${sizes.map(([key, [w, h]]) => `${hidden(key)}~${w}~${h}`).join(",")}`);
  return parts.join(";");
}

export function fromText(text) {
  const found = structuredClone(STARTING);
  found.sizes = Object.create(null); // a metric may be called constructor
  const one = (value, among, otherwise) => (among.includes(value) ? value : otherwise);
  const number = (value, low, high, otherwise) => (Number.isFinite(+value) ? Math.min(high, Math.max(low, +value)) : otherwise);
  for (const part of text.split(";").filter(Boolean)) {
    const [name, rest = ""] = part.split(/:(.*)/s);
    const raw = rest ? rest.split(",") : [];
    const values = raw.map(shown);
    if (name === "x") found.x = values[0]?.startsWith("metrics.") ? values[0] : one(values[0], ["step", "time", "relative", "place"], "step");
    if (name === "s") { found.smooth = one(values[0], ["ema", "mean", "gauss"], "none"); found.amount = number(values[1], 0, 0.999, 0.6); }
    if (name === "lx") found.logX = true;
    if (name === "ly") found.logY = true;
    if (name === "o") found.clip = true;
    if (name === "g") { found.apart = !values[0]; found.group = values[0] ?? ""; found.how = one(values[1], ["mean", "median"], "mean"); found.band = one(values[2], ["std", "se", "minmax", "none"], "std"); }
    if (name === "q") found.search = values[0] ?? "";
    if (name === "z" && values.length === 2 && +values[0] < +values[1]) found.zoom = values.map(Number);
    if (name === "p") found.only = values[0] ?? "";
    for (const [short, key] of [["f", "folded"], ["u", "unfolded"], ["a", "added"], ["r", "removed"], ["n", "order"]]) if (name === short) found[key] = values;
    if (name === "d") for (const item of raw) { const [key, w, h] = item.split("~"); found.sizes[shown(key)] = [number(w, 1, 4, 1), number(h, 1, 4, 1)]; }
  }
  return found;
}

export function fromPage() {
  const found = fromText(new URLSearchParams(location.search).get(PARAM) ?? "");
  return metric ? { ...found, only: metric, search: "" } : found;
}

// The address of this page with these settings; signs that a query may hold stay readable.
export function addressOf(settings) {
  const query = new URLSearchParams(location.search);
  query.delete(PARAM);
  const text = encodeURIComponent(toText(settings)).replace(/%(3A|3B|2C|2F|40)/g, (code) => decodeURIComponent(code));
  const all = [query.toString(), text && `${PARAM}=${text}`].filter(Boolean).join("&");
  return location.pathname + (all ? `?${all}` : "") + location.hash;
}
