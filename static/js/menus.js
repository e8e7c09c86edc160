// Menus made of <details>: a click elsewhere and Escape close them; the first field gets the focus when one opens, and that which
// was refused when the page comes back with one that is open.
// Reads: details.menu
const open = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!event.composedPath().includes(menu)) menu.open = false; // also when what was clicked has gone
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.menu") && event.target.open) event.target.querySelector("input[type=text], input[type=search]")?.focus();
}, true);

// What a menu shows may come when it is open.
document.addEventListener("htmx:afterSettle", (event) => {
  const menu = event.detail.target.closest?.("details.menu[open]");
  if (document.activeElement === menu?.querySelector("summary")) menu.querySelector(".group a, input[type=text]")?.focus();
});

document.querySelector("details.menu[open] [aria-invalid=true]")?.focus();
