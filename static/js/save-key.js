// Ctrl or Cmd with Enter sends the form in whose text of several lines one types, as its button does.
// Reads: textarea in a form; button[data-key="Mod+Enter"] of the page lists the key (keys.js).
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || !event.target.matches?.("textarea")) return;
  const button = event.target.form?.querySelector("button:not([type=button])");
  if (!button) return;
  event.preventDefault();
  event.target.form.requestSubmit(button);
});
