// Begins the plots over all compared runs when they come into view, or paper is made: only then is it asked what they are drawn from.
// Reads: [data-plots] (where that is asked for) with [data-said]. Listens to: "before-printing".
import { ask } from "./ask-server.js";
import { failedPart } from "./failed-part.js";
import { take } from "./plot-data.js";
import { showPlots } from "./plots-shown.js";

const root = document.querySelector("[data-plots]");
let begun = null;

async function begin() {
  try {
    take(await ask(root.dataset.plots, { quiet: true }));
    await showPlots();
  } catch (error) {
    begun = null;
    if (!error.told) throw error;
    root.querySelector("[data-said]").replaceChildren(failedPart("The plots could not be loaded", error, start, "span"));
  }
}

function start() { return (begun ??= begin()); }

document.addEventListener("before-printing", ({ detail }) => { if (root.checkVisibility()) detail.wait(start()); });
new IntersectionObserver((entries, watcher) => { if (entries.some((entry) => entry.isIntersecting)) { watcher.disconnect(); start(); } }, { rootMargin: "400px" }).observe(root);
