// Forms and menus that keep the state of the page take it from the address: charts and columns may have changed it since the page came.
// Reads: data-takes-state (its hidden field "query", or "state" of what htmx asks for).
const state = () => location.search.replace(/^\?/, "");

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-takes-state]");
  if (form) form.elements.query.value = state();
}, true);

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (elt.matches("form[data-takes-state]")) parameters.query = state();
  else if (elt.matches("[data-takes-state]")) parameters.state = state();
});

document.addEventListener("htmx:afterSwap", (event) => {
  event.target.querySelector?.("[data-selected]")?.select();
});
