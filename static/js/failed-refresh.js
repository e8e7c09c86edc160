// Says that a part of the page could not be refreshed, where it should have been; what is shown stays.
// Reads: the events of htmx on the element that it would have replaced.
function say(event) {
  const target = event.detail.target ?? document.getElementById("content");
  target.querySelector(".problem.failed")?.remove();
  const status = event.detail.xhr?.status;
  const id = event.detail.xhr?.getResponseHeader?.("X-Request-Id");
  const text = status ? `This could not be refreshed: the server answered ${status}` : "This could not be refreshed: the server cannot be reached";
  const problem = Object.assign(document.createElement("p"), { className: "problem failed", textContent: `${text}${id ? ` (request id ${id})` : ""}. What you see is from before; try again.` });
  problem.setAttribute("role", "alert");
  target.prepend(problem);
}
document.addEventListener("htmx:responseError", say);
document.addEventListener("htmx:sendError", say);
