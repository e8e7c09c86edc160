// Where charts should stand: their shape while they are awaited, what failed where they could not be read, and the way to read them again. Imported by the pane, its toolbar and its panels.
// Reads: .chart-room. Writes: into the element that says what is in the charts, into the sections while they are empty, and into the area of a panel.
import { noun } from "./charts-noun.js";
import { failedPart } from "./failed-part.js";

const SEEN = 200 /* ms */, PANELS = 4;

export function offerAgain(pane, said) {
  const again = () => {
    pane.before = { [noun.asked]: [] };
    pane.show(pane.latest);
  };
  said.replaceChildren(failedPart("The metrics could not be read", pane.names.failed, again, "span"));
}

// One panel that could not be read; the others stand as they are.
export function offerPanel(panel, error) {
  panel.stale = true;
  if (!error.told) { panel.say(error.message); return; }
  const part = failedPart("This chart could not be read", error, () => panel.load(), "span");
  part.removeAttribute("role"); // each panel of a page would be read out
  panel.say("");
  panel.area.querySelector(".said").append(part);
}

// The shape of charts until `read` is done, for who has waited a fifth of a second.
export async function shaped(place, read) {
  const timer = setTimeout(() => {
    const room = place.querySelector(".chart-room") ?? Object.assign(document.createElement("div"), { className: "chart-room" });
    if (!room.isConnected && place.querySelector("figure")) return; // what stands there is redrawn
    if (!room.isConnected) place.replaceChildren(room);
    if (!room.childElementCount) room.append(...Array.from({ length: PANELS }, () => document.createElement("i")));
    room.classList.add("waiting");
  }, SEEN);
  place.setAttribute("aria-busy", "true");
  await read;
  clearTimeout(timer);
  place.removeAttribute("aria-busy");
}
