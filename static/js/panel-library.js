// Fetches uPlot when the first chart is to be drawn: running it takes as long as laying out a screen of rows does.
// Reads: nothing. Writes: window.uPlot (vendor/uplot.min.js).
let coming = null;

export function library() {
  coming ??= new Promise((done, fail) => {
    const script = Object.assign(document.createElement("script"), { src: new URL("../vendor/uplot.min.js", import.meta.url) });
    script.addEventListener("load", done);
    script.addEventListener("error", () => {
      coming = null; // the next chart asks again
      script.remove();
      fail(new Error("What draws charts could not be loaded."));
    });
    document.head.append(script);
  });
  return coming;
}
