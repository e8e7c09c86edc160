// Copies a text and says so.
// Reads: data-copy (the text, or "#id" of the element whose text is copied).
const live = document.getElementById("live");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const wanted = button.dataset.copy;
  const source = /^#[\w-]+$/.test(wanted) ? document.querySelector(wanted) : null;
  try {
    await navigator.clipboard.writeText(source ? source.textContent : wanted);
    button.classList.add("copied");
    live.textContent = "Copied";
  } catch {
    // The browser lets only secure pages copy: select the text, so that Ctrl C does it.
    if (source) getSelection().selectAllChildren(source);
    live.textContent = source ? "Selected. Press Ctrl C to copy." : "This browser does not let the page copy.";
    button.title = live.textContent;
  }
  setTimeout(() => {
    button.classList.remove("copied");
    live.textContent = "";
  }, 1500);
});
