// What htmx could not do: a part that could not be loaded says so where it should have been, with the way to try again, and what is shown
// stays; a change that was not made is a toast, and its form keeps what was typed. Reads: the events of htmx.
import { lost, refused } from "./ask-server.js";
import { failedPart } from "./failed-part.js";
import { sayFailed } from "./say-toast.js";

function again({ elt, target, pathInfo, etc }) {
  htmx.ajax("GET", pathInfo.finalRequestPath, { source: elt, target, swap: etc?.swapOverride, push: etc?.push }).catch(() => {});
}

function say(event) {
  const { detail } = event, { xhr, requestConfig } = detail, target = detail.target ?? document.getElementById("content");
  const failed = xhr?.status ? refused(xhr.status, (name) => xhr.getResponseHeader(name), xhr.responseText) : lost();
  target.querySelector(":scope > .problem.failed")?.remove();
  if (detail.elt.closest("[data-quiet]")) return; // asked for again by itself
  if (requestConfig.verb !== "get") return void sayFailed("Nothing was changed, and what you typed is still there", failed, () => htmx.trigger(detail.elt, "submit"));
  target.prepend(failedPart("This could not be refreshed, and what you see is from before", failed, () => again(detail)));
}
document.addEventListener("htmx:responseError", say);
document.addEventListener("htmx:sendError", say);
document.addEventListener("htmx:beforeSend", ({ detail: { target } }) => target?.querySelector(":scope > .problem.failed")?.remove());
