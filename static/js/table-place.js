// A run that was looked at leads back to the same rows: where one was is kept in the history on the way out.
// Reads: tbody[data-window][data-asked], tr[data-run], after and before of the URL. Writes: history.state.place and the URL.
import { note, query, table } from "./table-state.js";

const asked = query();
const first = ["after", "before"].find((name) => asked.has(name));
const top = (area) => area.querySelector("thead").getBoundingClientRect().bottom;

function keep() {
  const area = table();
  const row = area && [...area.querySelectorAll("tbody[data-window] tr[data-run]")].find((tr) => tr.getBoundingClientRect().bottom > top(area) + 1);
  if (!row) return;
  const body = row.closest("tbody");
  const [name, token] = (body.dataset.asked ?? "").split(/=(.*)/s);
  const place = { run: row.dataset.run, down: row.getBoundingClientRect().top - top(area), left: area.scrollLeft };
  history.replaceState({ ...history.state, place }, "");
  if (name) note({ [name]: token });
}

function find() {
  const area = table();
  const place = history.state?.place;
  if (first) {
    area?.querySelector("tbody[data-window]")?.setAttribute("data-asked", `${first}=${asked.get(first)}`);
    note({});
  }
  const row = place && area?.querySelector(`tr[data-run="${CSS.escape(place.run)}"]`);
  if (!row) return;
  area.scrollTop += row.getBoundingClientRect().top - top(area) - place.down;
  area.scrollLeft = place.left;
}

find();
addEventListener("beforeunload", keep);
