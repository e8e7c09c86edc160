// Links that the MLflow client prints point to /#/experiments/1/runs/abc: go to the page that shows the same.
// Runs before the first paint of the home page. Reads: data-prefix of <html>, the URL's hash.
(function () {
  const PAGES = [
    [/^#\/experiments\/\d+\/runs\/([\w-]+)/, (id) => `/runs/${id}`],
    [/^#\/experiments\/\d+\/models\/(m-\w+)/, (id) => `/logged-models/${id}`],
    [/^#\/experiments\/(\d+)\/models/, (id) => `/experiments/${id}/models`],
    [/^#\/experiments\/(\d+)/, (id) => `/experiments/${id}`],
    [/^#\/models\/([^/?]+)\/versions\/(\d+)/, (name, number) => `/models/${name}/versions/${number}`],
    [/^#\/models\/([^/?]+)/, (name) => `/models/${name}`],
    [/^#\/models/, () => "/models"],
  ];

  function follow() {
    for (const [pattern, path] of PAGES) {
      const match = location.hash.match(pattern);
      if (match) return location.replace((document.documentElement.dataset.prefix || "") + path(...match.slice(1)));
    }
  }

  follow();
  addEventListener("hashchange", follow);
})();
