// Puts a page as it is now in place of what it was, node by node (Idiomorph): what did not change stays, and so do the place, the focus,
// what is open and what was typed. Imported by what is live.
// Reads: ids of rows and sections, by which they are known again. Sends: "htmx:afterSwap", as after any part.
import { ask, Failed } from "./ask-server.js";

const WAIT = 5000; // before what could not be shown is tried again
const KEPT = new Set(["open", "aria-expanded", "aria-busy", "style"]); // only scripts give a style

const typed = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected) : field.value !== field.defaultValue);

// Times stand in words that a script keeps; a field that somebody typed into, or is in, is theirs.
function stays(old, found) {
  if (!(old instanceof Element) || !(found instanceof Element)) return false;
  if (old.matches("time")) return old.dateTime === found.dateTime;
  return old.matches("input:not([type=hidden]), textarea, select") && (old === document.activeElement || typed(old));
}

// What stands in sight keeps its place in each area that was scrolled. Gives what puts it back.
function places(content) {
  const areas = [document.scrollingElement, ...content.querySelectorAll(".scroll")].filter((area) => area.scrollTop > 0);
  const found = areas.map((area) => {
    const top = area === document.scrollingElement ? 0 : area.getBoundingClientRect().top;
    const seen = [...(area === document.scrollingElement ? content : area).querySelectorAll("[id]")].find((element) => { const box = element.getBoundingClientRect(); return box.height && box.top >= top; });
    area.style.overflowAnchor = "none"; // or the browser would do the same once more
    return { area, seen, at: seen?.getBoundingClientRect().top };
  });
  return () => {
    for (const { area, seen, at } of found) {
      if (seen?.isConnected) area.scrollTop += seen.getBoundingClientRect().top - at;
      requestAnimationFrame(() => { area.style.overflowAnchor = ""; });
    }
  };
}

// `left(element)`: what is not touched. Throws as ask() does. Gives the runs that the page now shows, if it says them.
export async function renewPage(url, left = () => false) {
  const page = new DOMParser().parseFromString(await ask(url, { as: "page", quiet: true }), "text/html");
  const content = document.getElementById("content"), back = places(content);
  const told = page.getElementById("shown-runs")?.textContent;
  Idiomorph.morph(content, [...page.getElementById("content").childNodes], {
    morphStyle: "innerHTML",
    callbacks: {
      beforeNodeMorphed: (old, found) => !stays(old, found) && !(old instanceof Element && left(old)),
      beforeNodeRemoved: (old) => !(old instanceof Element && left(old)),
      beforeAttributeUpdated: (name) => !KEPT.has(name),
    },
  });
  back();
  document.title = page.title;
  window.htmx?.process(content);
  document.dispatchEvent(new CustomEvent("htmx:afterSwap", { detail: { target: content } }));
  return told;
}

// Gives what asks for `act()` whenever it is called: one at a time, what comes meanwhile once more behind it, and later again what could
// not be answered. `gone(failed)`: there is no such page any more.
export function renewing(act, gone) {
  let busy = false, wanted = false;
  return async function renew() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        await act();
      } catch (failed) {
        if (failed.status === 404) gone(failed);
        else if (failed instanceof Failed) setTimeout(renew, WAIT);
        else reportError(failed);
      }
    }
    busy = false;
  };
}
