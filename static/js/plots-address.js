// What the plots of the compared runs show, kept in the URL: plot=k:scatter;x:params.lr;y:metrics.loss;c:params.seed;a:params.lr,metrics.loss
// b: is what is brushed, such as params.lr=0.1..0.3
// Reads: the query of the page. What is as it is from the start stands nowhere.
import { hidden, shown } from "./charts-settings.js";

const PARAM = "plot", KINDS = ["parallel", "scatter", "contour", "box", "correlation"];
const NAMES = { k: "kind", x: "x", y: "y", c: "colour", a: "axes", b: "brush" };
let starting = {};

const text = (value) => [value].flat().map(hidden).join(",");

// `usual` with what the address says, as far as there are such columns.
export function fromAddress(usual, columns) {
  starting = usual;
  const found = { ...usual };
  for (const part of (new URLSearchParams(location.search).get(PARAM) ?? "").split(";").filter(Boolean)) {
    const [short, rest = ""] = part.split(/:(.*)/s), name = NAMES[short], values = rest.split(",").map(shown);
    if (short === "b") { found.brush = values.filter((value) => columns.includes(value.slice(0, value.lastIndexOf("=")))); continue; }
    const known = values.filter((value) => (short === "k" ? KINDS : columns).includes(value));
    if (name && known.length) found[name] = name === "axes" ? known : known[0];
  }
  return found;
}

export function keepAddress(state) {
  const query = new URLSearchParams(location.search), before = query.get(PARAM) ?? "";
  const now = Object.entries(NAMES).filter(([, name]) => state[name] !== undefined && text(state[name]) !== text(starting[name])).map(([short, name]) => `${short}:${text(state[name])}`).join(";");
  if (now === before) return;
  if (now) query.set(PARAM, now); else query.delete(PARAM);
  history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
}
