// Asks this server, and is what every module asks it with: what takes long is seen as on its way (progress.js), and what fails is thrown
// as one kind of error that says in words what happened. Reads: nothing.
import { begin, end } from "./progress.js";

const ACCEPT = { json: "application/json", html: "text/html", page: "text/html", buffer: "*/*", whole: "application/json" };

// `because` is the clause of a sentence ("the server cannot be reached"); `said` the server's own words, if it had any; `page`: they are
// a page.
export class Failed extends Error {
  constructor(because, { status = 0, said = "", page = false } = {}) {
    super(said || `${because[0].toUpperCase()}${because.slice(1)}.`);
    Object.assign(this, { because, said, status, page });
  }

  // "More rows could not be loaded": and why.
  told(what) { return this.said ? `${what}. ${this.said}` : `${what}: ${this.because}.`; }
}

export const lost = () => new Failed(navigator.onLine ? "the server cannot be reached" : "this computer is offline");

// `header(name)`: of the answer, be it of fetch or of htmx; `body`: its text.
export function refused(status, header, body = "") {
  if (status === 401) return new Failed("you are signed out. Sign in in another tab, then try again", { status });
  if (status === 413) return new Failed("it is larger than the server takes", { status });
  if (status === 429 || status === 503) {
    const wait = Number.parseInt(header("Retry-After") ?? "", 10);
    return new Failed(`the server is busy. Try again in ${wait > 0 ? `${wait} s` : "a few seconds"}`, { status });
  }
  let said = "";
  try { said = JSON.parse(body).message ?? ""; } catch { /* no JSON: the words of a proxy are none for a person */ }
  const id = header("X-Request-Id");
  if (status >= 500) return new Failed(`the server answered ${status}${id ? ` (request id ${id})` : ""}`, { status });
  return new Failed(status === 404 ? "it is not there any more" : `the server answered ${status}`, { status, said, page: /^text\/html/.test(header("Content-Type")) });
}

async function read(answer, as) {
  if (as === "whole") return answer;
  if (answer.status === 204) return null;
  if (as === "buffer") return answer.arrayBuffer();
  if (as === "html" || as === "page") return answer.text();
  return answer.json();
}

// The answer, as JSON, as the text of HTML (a part or a page), as bytes, or whole; null for one that is empty. `body`: sent as JSON; `form`: as a form.
// `busy`: the part of the page that waits. `quiet`: nobody asked for it, or the caller shows that it waits. `write`: once it is sent it
// cannot be cancelled. Throws Failed; what `signal` ends throws an AbortError.
export async function ask(url, { as = "json", body, form, busy, quiet = false, write = false, signal } = {}) {
  const stop = new AbortController();
  let cancelled = false;
  signal?.addEventListener("abort", () => stop.abort(), { once: true });
  if (signal?.aborted) stop.abort();
  if (!quiet) begin(stop, busy, write ? null : () => { cancelled = true; stop.abort(); });
  const headers = { Accept: ACCEPT[as], ...(as === "html" ? { "HX-Request": "true" } : {}) };
  const sent = body === undefined && !form ? { headers } : { method: "POST", headers: form ? { ...headers, "Runstone-Form": "1" } : { ...headers, "Content-Type": "application/json" }, body: form ?? JSON.stringify(body) };
  try {
    const answer = await fetch(url, { ...sent, signal: stop.signal });
    if (!answer.ok) throw refused(answer.status, (name) => answer.headers.get(name), await answer.text());
    if (answer.redirected) throw refused(401, () => null);
    return await read(answer, as);
  } catch (error) {
    if (error instanceof Failed || signal?.aborted) throw error;
    if (cancelled) throw new Failed("you cancelled it");
    throw error instanceof SyntaxError ? new Failed("what answered was not this server. Load the page again") : lost();
  } finally {
    if (!quiet) end(stop);
  }
}

export const parsed = (html) => Object.assign(document.createElement("template"), { innerHTML: html }).content;
