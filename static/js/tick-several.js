// Experiments that are ticked: a bar says how many, and leads to all of their runs in one table.
// Reads: input[name=experiments] in the rows; form[data-several] with [data-several-count], whose reset unticks them.
const bar = document.querySelector("[data-several]");

function tell() {
  const count = document.querySelectorAll("input[name=experiments]:checked").length;
  bar.hidden = !count;
  bar.querySelector("[data-several-count]").textContent = count;
}

if (bar) {
  document.addEventListener("change", (event) => event.target.name === "experiments" && tell());
  document.addEventListener("click", (event) => event.target.closest("[data-unfolds]") && tell()); // rows that are folded go
  bar.addEventListener("reset", () => setTimeout(tell)); // it is done after the event
  addEventListener("pageshow", tell);
}
