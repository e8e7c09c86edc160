// A field that narrows a list of checkboxes to those whose name holds what is typed. A form does not send it.
// Reads: data-narrows (id of the list), data-choice (on each label: its name)
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-narrows]");
  if (!field) return;
  const wanted = field.value.toLowerCase();
  for (const label of document.getElementById(field.dataset.narrows).querySelectorAll("[data-choice]")) {
    label.hidden = !label.dataset.choice.toLowerCase().includes(wanted);
  }
});
