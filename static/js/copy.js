// Copies a text and says so. Reads: data-copy (the text, or "#id" of an element whose text is copied).
const live = document.getElementById("live");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const wanted = button.dataset.copy;
  const text = wanted.startsWith("#") ? document.querySelector(wanted).textContent : wanted;
  const before = button.textContent;
  try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; live.textContent = "Copied"; }
  catch { button.textContent = "Press Ctrl C"; getSelection().selectAllChildren(document.querySelector(wanted) || button); }
  setTimeout(() => { button.textContent = before; live.textContent = ""; }, 1500);
});
