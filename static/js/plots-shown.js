// Plots over all compared runs: parallel coordinates, scatter, contour, box, correlation. Imported by plots.js, and begun when their data is here.
// Reads: [data-plots][data-named][data-one] with [data-kind], [data-choose=x|y|colour], [data-axes], [data-brush], [data-plot], [data-said], [data-kept], [data-correlations].
import { column, compared, differs, ids, ofBox, ofContour, RUN } from "./plot-data.js";
import { figure } from "./panel-scales.js";
import { pickAxes } from "./axes-picker.js";
import { fromAddress, keepAddress } from "./plots-address.js";
import { box, contour, parallel, scatter } from "./plot-kinds.js";
import { wireBrush } from "./plots-brush.js";
import { correlated } from "./plots-correlated.js";

const root = document.querySelector("[data-plots]"), one = (selector) => root.querySelector(selector);
const KINDS = { parallel, scatter, contour, box }, USES = { parallel: ["colour"], scatter: ["x", "y", "colour"], contour: ["x", "y", "colour"], box: ["x", "y"], correlation: ["y"] };
const AXES = 5, MOST_AXES = 10;

function look() {
  const style = getComputedStyle(document.documentElement), token = (name) => style.getPropertyValue(name).trim();
  const text = { color: token("--text-quiet"), fontSize: 11 }, line = { lineStyle: { color: token("--line") } };
  const axis = { axisLine: line, splitLine: { lineStyle: { color: token("--line-faint") } }, axisLabel: { ...text, formatter: (value) => (typeof value === "number" ? figure(value) : value) }, nameTextStyle: text };
  const tooltip = { trigger: "item", renderMode: "richText", confine: true, backgroundColor: token("--surface"), borderColor: token("--line"), textStyle: { color: token("--text"), fontSize: 12 } };
  return { text, axis, tooltip, width: one("[data-plot]").clientWidth, accent: token("--accent"), soft: token("--accent-soft"), surface: token("--surface"), ramp: ["low", "middle", "high"].map((end) => token(`--ramp-${end}`)), grid: { left: 72, right: 110, top: 16, bottom: 52 } };
}

// Resolves when the first of them is drawn.
export async function showPlots() {
  let chart = null;
  const params = ids("params"), metrics = ids("metrics"), different = params.filter(differs), chosen = different.length ? different : params;
  const numbers = chosen.filter((id) => column(id).numeric);
  const told = metrics.filter((id) => differs(id) && !id.startsWith("metrics.system/") && !params.includes(id.replace("metrics.", "params.")));
  const first = told.find((id) => /\b(val|valid|eval|test)/i.test(id)) ?? told[0] ?? metrics.find(differs) ?? metrics[0];
  const state = fromAddress({ kind: "parallel", axes: [...chosen.slice(0, AXES), ...(first ? [first] : [])], x: numbers[0] ?? chosen[0] ?? metrics[0], y: first ?? chosen[0], colour: first ?? chosen[0] }, [...params, ...metrics, RUN]);
  one("[data-kind]").value = state.kind;

  function fill(select, value) {
    for (const [label, listed] of [["Params", params], ["Metrics", metrics]]) {
      const group = Object.assign(document.createElement("optgroup"), { label });
      group.append(...listed.map((id) => new Option(id.slice(id.indexOf(".") + 1), id, false, [value].flat().includes(id))));
      if (listed.length) select.append(group);
    }
  }

  function kept(areas) {
    const link = one("[data-kept]"), few = areas && areas.length < compared.runs.length;
    link.hidden = !few || !areas.length;
    if (few) Object.assign(link, { href: `?${root.dataset.named}=${areas.map((i) => compared.runs[i].id).join(",")}`, textContent: `Compare only these ${areas.length}` });
  }

  let wait = 0;
  const brushes = wireBrush(() => chart, (texts) => {
    kept(texts.length ? chart.getModel().getSeriesByIndex(0)?.getRawIndicesByActiveState("active") : null);
    state.brush = texts.length ? texts : undefined;
    clearTimeout(wait);
    wait = setTimeout(() => keepAddress(state), 200); // not for each step of the mouse
  });

  async function show() {
    for (const select of root.querySelectorAll("[data-choose]")) select.closest("label").hidden = !USES[state.kind].includes(select.dataset.choose);
    one("[data-axes]").hidden = one("[data-brush]").hidden = state.kind !== "parallel";
    one("[data-plot]").hidden = state.kind === "correlation";
    one("[data-correlations]").hidden = state.kind !== "correlation";
    kept(null);
    keepAddress(state);
    if (state.kind === "correlation") { correlated(root, state.y); return; }
    if (!chart) { // and no waiting where it is here: paper is made at once
      const { init } = await import("../vendor/echarts.min.js");
      chart ??= init(one("[data-plot]"));
      new ResizeObserver(() => chart.resize()).observe(one("[data-plot]"));
      chart.on("axisareaselected", brushes.follow);
    }
    chart.resize();
    const axes = state.kind === "parallel" && !state.axes.length ? [state.colour === RUN ? state.y : state.colour] : state.axes;
    const { said = "Drag along an axis to brush it, or type where under Brush: the lines outside fade.", columns, ...option } = KINDS[state.kind]({ ...state, axes }, look());
    one("[data-said]").textContent = said;
    one("[data-plot]").setAttribute("aria-label", `${one("[data-kind]").selectedOptions[0].text}. ${said}`);
    chart.setOption({ animation: false, ...option }, true);
    if (columns) brushes.show(columns, state.brush ?? []);
  }

  for (const select of root.querySelectorAll("[data-choose]")) { if (select.dataset.choose === "colour") select.append(new Option(root.dataset.one, RUN, false, state.colour === RUN)); fill(select, state[select.dataset.choose]); select.addEventListener("change", () => { state[select.dataset.choose] = select.value; show(); }); }
  pickAxes([["Params", params], ["Metrics", metrics]], state.axes, [...different.slice(0, MOST_AXES), ...metrics.filter(differs).slice(0, MOST_AXES)], (axes) => { state.axes = axes; show(); });
  one("[data-kind]").addEventListener("change", (event) => {
    state.kind = event.target.value;
    const axes = state.kind === "contour" ? ofContour(state, [...numbers, ...chosen]) : state.kind === "box" ? ofBox(state, chosen, metrics, first) : {};
    for (const [name, id] of Object.entries(axes)) one(`[data-choose=${name}]`).value = state[name] = id;
    show();
  });
  document.addEventListener("theme", () => chart && show());
  if (state.y && compared.runs.length > 1) await show();
  else root.hidden = true;
}
