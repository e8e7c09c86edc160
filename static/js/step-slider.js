// One step for all that stands side by side: the slider, the buttons beside it and the choice of what is shown work in place.
// Reads: form[data-stepper] with input[type=range][data-steps], output, [data-of], [data-by], select. Sends: "step-chosen" (htmx asks).
const form = document.querySelector("[data-stepper]");
const slider = form?.querySelector("[data-steps]");
const WAIT = 60; // ms: a slider that is dragged asks for what it stands on

function grouped(step) { return Number(step).toLocaleString("en").replaceAll(",", "\u202f"); }

function wire() {
  const steps = slider.dataset.steps.split(",");
  let waiting = 0;
  const say = () => {
    const place = Number(slider.value), of = `${place + 1} of ${steps.length}`;
    form.querySelector("output").textContent = grouped(steps[place]);
    form.querySelector("[data-of]").textContent = of;
    slider.setAttribute("aria-valuetext", `${steps[place]}, ${of}`);
    for (const link of form.querySelectorAll("[data-by]")) {
      const next = Math.min(steps.length - 1, Math.max(0, place + Number(link.dataset.by)));
      link.setAttribute("aria-disabled", String(next === place));
    }
    const address = new URL(location.href);
    address.searchParams.delete("place");
    address.searchParams.set("step", steps[place]);
    history.replaceState(history.state, "", address);
    clearTimeout(waiting);
    waiting = setTimeout(() => form.dispatchEvent(new CustomEvent("step-chosen")), WAIT);
  };
  slider.addEventListener("input", say);
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-by]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const before = slider.value;
    slider.value = String(Number(slider.value) + Number(link.dataset.by));
    if (slider.value !== before) say();
  });
}

if (slider) wire();
form?.querySelector("select").addEventListener("change", ({ target }) => {
  const address = new URL(location.href); // it has other steps: the page is loaded anew, at this one
  for (const name of ["place", "page"]) address.searchParams.delete(name);
  address.searchParams.set("show", target.value);
  if (slider) address.searchParams.set("step", slider.dataset.steps.split(",")[Number(slider.value)]);
  location.assign(address);
});
