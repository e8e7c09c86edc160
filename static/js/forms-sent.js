// A form that is sent shows that it is on its way, and one that does not reach the server leaves the page as it is, with what was typed.
// What the server has to say about a form that it refuses is a page of its own: for that the form is sent as without scripts.
// Reads: form[method=post] that no other script sends. Expects 204 with the header Runstone-Go, the page that follows.
import { ask } from "./ask-server.js";
import { begin, end } from "./progress.js";
import { sayFailed } from "./say-toast.js";

const LEAVING = {};

// A button may send its form another way, and elsewhere.
const method = (form, submitter) => (submitter?.getAttribute("formmethod") ?? form.getAttribute("method"))?.toLowerCase();
const action = (form, submitter) => submitter?.getAttribute("formaction") ?? form.getAttribute("action");

function plainly(form, submitter) {
  if (submitter?.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value }));
  form.setAttribute("action", action(form, submitter));
  form.setAttribute("method", "post");
  HTMLFormElement.prototype.submit.call(form);
}

async function send(form, submitter) {
  try {
    const answer = await ask(action(form, submitter), { as: "whole", form: new URLSearchParams(new FormData(form, submitter)), busy: form, write: true });
    const to = answer.headers.get("Runstone-Go");
    if (!to) return plainly(form, submitter);
    begin(LEAVING, form); // until the other page is here
    location.assign(to);
  } catch (failed) {
    if (failed.page) return plainly(form, submitter);
    sayFailed("Nothing was changed, and what you typed is still here", failed, () => form.isConnected && form.requestSubmit(submitter));
  }
}

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || method(form, event.submitter) !== "post") return;
  event.preventDefault();
  if (form.ariaBusy !== "true") send(form, event.submitter);
});
addEventListener("pageshow", () => end(LEAVING));
