// Links that the MLflow client prints point to /#/experiments/1/runs/abc: go to the page that shows the same.
// Reads: data-prefix of <html>.
function target(hash) {
  const prefix = document.documentElement.dataset.prefix || "";
  const run = hash.match(/^#\/experiments\/(\d+)\/runs\/([\w-]+)/);
  if (run) return `${prefix}/runs/${run[2]}`;
  const logged = hash.match(/^#\/experiments\/\d+\/models\/(m-\w+)/);
  if (logged) return `${prefix}/logged-models/${logged[1]}`;
  const experiment = hash.match(/^#\/experiments\/(\d+)/);
  if (experiment) return `${prefix}/experiments/${experiment[1]}`;
  const version = hash.match(/^#\/models\/([^/?]+)\/versions\/(\d+)/);
  if (version) return `${prefix}/models/${version[1]}/versions/${version[2]}`;
  const model = hash.match(/^#\/models\/([^/?]+)/);
  if (model) return `${prefix}/models/${model[1]}`;
  return hash.startsWith("#/models") ? `${prefix}/models` : null;
}
function follow() { const page = target(location.hash); if (page) location.replace(page); }
follow();
addEventListener("hashchange", follow);
