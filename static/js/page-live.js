// A page is put anew in its place when something of it changed.
// Reads: #page-live with data-live (server-sent events {mark}), data-mark, and data-whole where it is loaded anew instead.
// Sends: "metrics-news" and "points-news" to charts.
import { Failed } from "./ask-server.js";
import { follow } from "./live-stream.js";
import { renewPage } from "./page-renewed.js";

const WAIT = 5000; // before what could not be shown is tried again
const place = () => document.getElementById("page-live");
// Charts follow by themselves; the bar of what is ticked, and a bar that is moved, are the person's.
const LEFT = "#charts-pane, form[data-several], [data-splitter]";
let busy = false, wanted = false;

async function renew() {
  wanted = true;
  if (busy) return;
  busy = true;
  while (wanted) {
    wanted = false;
    try {
      await renewPage(location.href, (element) => element.matches(LEFT));
      for (const name of ["metrics-news", "points-news"]) document.dispatchEvent(new CustomEvent(name));
    } catch (failed) {
      if (failed.status === 404) location.reload(); // which says that it is gone
      else if (failed instanceof Failed) setTimeout(renew, WAIT);
      else reportError(failed);
    }
  }
  busy = false;
}

function hear({ mark }) {
  if (mark === place().dataset.mark) return;
  if ("whole" in place().dataset) location.reload();
  else renew();
}

if (place()) addEventListener("load", () => setTimeout(() => follow(place().dataset.live, hear), 500));
