// Rows that are ticked: a bar says how many, and has what can be done with them.
// Reads: form[data-several] (name of the boxes) with [data-several-count], whose reset unticks them; [data-tick-all] ticks them all.
const bar = document.querySelector("[data-several]");
const boxes = (which = "") => document.querySelectorAll(`input[name=${bar.dataset.several}]${which}`);

function tell() {
  const count = boxes(":checked").length, all = document.querySelector("[data-tick-all]");
  bar.hidden = !count;
  bar.querySelector("[data-several-count]").textContent = count;
  if (!all) return;
  all.checked = count > 0 && count === boxes().length;
  all.indeterminate = count > 0 && !all.checked;
}

if (bar) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-tick-all]")) for (const box of boxes()) box.checked = target.checked;
    else if (target.name !== bar.dataset.several) return;
    tell();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-unfolds]") && tell()); // rows that are folded go
  bar.addEventListener("reset", () => setTimeout(tell)); // it is done after the event
  document.addEventListener("htmx:afterSwap", tell);
  addEventListener("pageshow", tell);
}
