// What the charts of the page are of: runs, or logged models.
// Reads: [data-charts-pane][data-of].
const models = document.querySelector("[data-charts-pane]")?.dataset.of === "models";

export const noun = models
  ? { one: "logged model", many: "logged models", asked: "models", title: "Logged model", id: "model_id", path: "/logged-models/" }
  : { one: "run", many: "runs", asked: "runs", title: "Run", id: "run_id", path: "/runs/" };
