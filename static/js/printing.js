// Paper is light and keeps still: before a page is printed what is drawn is drawn anew in light, and what was never in view is fetched.
// Reads: the print events of the window. Writes: class printing and data-theme of <html>, for as long.
// Sends to the document: "printing" {now} and "theme" (draw again); "before-printing" {wait(promise)} when there is time to fetch.
import { sayToast } from "./say-toast.js";

const root = document.documentElement, paper = matchMedia("print");
const PATIENCE = 15_000; // milliseconds that the fetching may take
let printing = false, theme;

function turn(now) {
  if (now === printing) return;
  printing = now;
  if (now) theme = root.dataset.theme;
  root.classList.toggle("printing", now);
  if (now) root.dataset.theme = "light";
  else if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.dispatchEvent(new CustomEvent("printing", { detail: { now } }));
  document.dispatchEvent(new CustomEvent("theme"));
}

addEventListener("beforeprint", () => turn(true));
addEventListener("afterprint", () => turn(paper.matches));
paper.addEventListener("change", () => turn(paper.matches)); // where there are no such events, and in a preview of the styles

// The browser's own key, where something has to come first: its dialogue opens when it is there.
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.defaultPrevented) return;
  const awaited = [];
  document.dispatchEvent(new CustomEvent("before-printing", { detail: { wait: (promise) => awaited.push(promise) } }));
  if (!awaited.length) return;
  event.preventDefault();
  sayToast("The charts are drawn, then the page is printed.");
  Promise.race([Promise.allSettled(awaited), new Promise((done) => { setTimeout(done, PATIENCE); })]).then(() => {
    document.querySelector(".toast")?.remove();
    print();
  });
});
