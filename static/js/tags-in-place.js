// After a tag was changed where it stands: a refusal is shown in the form, and the focus stays at the tag.
// Reads: section[data-tags] with li[data-tag], details, [data-adds-tag]; the events of htmx.
let last = "";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id === "tags") last = new FormData(event.detail.elt).get("key") ?? "";
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "tags" || event.detail.xhr.status !== 400) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

document.addEventListener("htmx:afterSettle", () => {
  const tags = document.querySelector("[data-tags]");
  if (!last || !tags) return;
  const row = [...tags.querySelectorAll("[data-tag]")].find((item) => item.dataset.tag === last);
  (tags.querySelector("[aria-invalid]") ?? row?.querySelector("summary") ?? tags.querySelector("[data-adds-tag]")).focus();
  last = "";
});

// A form that opens is typed into at once.
document.addEventListener("toggle", (event) => {
  if (event.target.closest?.("[data-tags]") && event.target.open) event.target.querySelector("input[type=text], textarea")?.focus();
}, true);
