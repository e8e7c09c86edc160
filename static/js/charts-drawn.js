// Says above the charts of which runs or logged models they are, where these are not all of the table.
// Reads: template#drawn-runs, [data-drawn]. Listens to: "table-shown".
const said = document.querySelector("[data-drawn]");

function show() {
  const found = document.getElementById("drawn-runs");
  said.replaceChildren(...(found ? [found.content.cloneNode(true)] : []));
  said.hidden = !found;
}

if (said) {
  show();
  document.addEventListener("table-shown", show);
}
