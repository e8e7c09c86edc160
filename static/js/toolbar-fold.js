// On a narrow window what is rarely used of a toolbar waits behind a button.
// Reads: button[data-folds][aria-expanded] in a .toolbar; what it shows is .rare (fields.css).
for (const button of document.querySelectorAll("[data-folds]")) {
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true")));
}
