// A page is put anew in its place when something of it changed.
// Reads: #page-live with data-live (server-sent events {mark}), data-mark, and data-whole where it is loaded anew instead.
// Sends: "metrics-news" and "points-news" to charts.
import { follow } from "./live-stream.js";
import { renewing, renewPage } from "./page-renewed.js";

const place = () => document.getElementById("page-live");
// Charts follow by themselves; the bar of what is ticked, and a bar that is moved, are the person's.
const LEFT = "#charts-pane, form[data-several], [data-splitter]";

const renew = renewing(async () => {
  await renewPage(location.href, (element) => element.matches(LEFT));
  for (const name of ["metrics-news", "points-news"]) document.dispatchEvent(new CustomEvent(name));
}, () => location.reload()); // which says that it is gone

function hear({ mark }) {
  if (mark === place().dataset.mark) return;
  if ("whole" in place().dataset) location.reload();
  else renew();
}

if (place()) addEventListener("load", () => setTimeout(() => follow(place().dataset.live, hear), 500));
