// A panel as PNG, SVG or CSV, with its title, its axes and the runs that it shows.
// Reads: nothing. Expects a panel: {key, plot, pane}.
import { EMPTY } from "./panel-data.js";
import { dotsText, isDotted } from "./panel-dots.js";
import { marksOf } from "./panel-marks.js";
import { scale } from "./panel-scales.js";

const TITLE = 28, LEGEND_ROW = 18, LEGEND_MOST = 20, FONT = "system-ui, sans-serif";
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function save(name, content, type) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name.replace(/[^\p{L}\p{N}._-]+/gu, "-") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function legendOf(panel) {
  const { lines } = panel.plot.shown, listed = lines.slice(0, LEGEND_MOST).map(({ name, id, colour, pattern }) => ({ name: name || id, colour, pattern }));
  return lines.length > LEGEND_MOST ? [...listed, { name: `and ${lines.length - LEGEND_MOST} more`, colour: "transparent" }] : listed;
}

export function png(panel) {
  const { uplot, canvases } = panel.plot, ratio = devicePixelRatio, source = uplot.ctx.canvas, legend = legendOf(panel);
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  canvas.width = source.width;
  canvas.height = source.height + (TITLE + legend.length * LEGEND_ROW + 8) * ratio;
  context.fillStyle = token("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = token("--text");
  context.font = `600 ${14 * ratio}px ${FONT}`;
  context.fillText(panel.key, 12 * ratio, 19 * ratio, canvas.width - 24 * ratio);
  context.drawImage(source, 0, TITLE * ratio);
  context.drawImage(canvases[0], uplot.bbox.left, uplot.bbox.top + TITLE * ratio);
  context.font = `${12 * ratio}px ${FONT}`;
  legend.forEach(({ name, colour, pattern }, i) => {
    const y = source.height + (TITLE + (i + 0.5) * LEGEND_ROW) * ratio;
    Object.assign(context, { strokeStyle: colour, lineWidth: 3 * ratio });
    context.setLineDash((pattern ?? []).map((length) => length * ratio));
    context.stroke(new Path2D(`M${14 * ratio} ${y}h${20 * ratio}`));
    context.fillStyle = token("--text");
    context.fillText(name, 40 * ratio, y + 4 * ratio, canvas.width - 52 * ratio);
  });
  canvas.toBlob((blob) => save(`${panel.key}.png`, blob));
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const at = (number) => String(Math.round(number * 100) / 100);

function pathText(line, values, sx, sy) {
  let text = "", open = false;
  for (let i = 0; i < line.x.length; i++) {
    if (Number.isNaN(values[i])) { open = false; continue; }
    text += `${open ? "L" : "M"}${at(sx(line.x[i]))} ${at(sy(values[i]))}`;
    open = true;
  }
  return text;
}

const dashes = ({ pattern }) => (pattern ? ` stroke-dasharray="${pattern.join(" ")}"` : "");

function lineText(line, sx, sy, view, many) {
  const style = `fill="none" stroke="${line.colour}" stroke-linejoin="bevel"`;
  let text = "";
  if (!line.exact) {
    let bars = "";
    for (let i = 0; i < line.x.length; i++) if (!(line.flags[i] & EMPTY)) bars += `M${at(sx(line.x[i]))} ${at(sy(line.low[i]))}L${at(sx(line.x[i]))} ${at(sy(line.high[i]))}`;
    text += `<path ${style} stroke-opacity="0.3" d="${bars}"/>`;
  }
  if (line.smooth) text += `<path ${style} stroke-opacity="0.28" d="${pathText(line, line.y, sx, sy)}"/>`;
  text += `<path ${style} stroke-width="1.5"${dashes(line)} d="${pathText(line, line.smooth ?? line.y, sx, sy)}"/>`;
  if (isDotted(line, many)) text += dotsText(line, sx, sy);
  for (const mark of marksOf(line, view)) text += `<text x="${at(mark.x)}" y="${mark.top ? 10 : at(view.height - 3)}" fill="${line.colour}" font-size="10" text-anchor="middle">${mark.sign}</text>`;
  return text;
}

export function svg(panel) {
  const { uplot, shown } = panel.plot, view = panel.plot.view(1), legend = legendOf(panel);
  const left = uplot.bbox.left / devicePixelRatio, top = uplot.bbox.top / devicePixelRatio + TITLE;
  const wide = uplot.width, high = uplot.height + TITLE + legend.length * LEGEND_ROW + 8;
  const [sx, sy] = [scale(shown.first, shown.last, 0, view.width, shown.logX), scale(shown.yRange[0], shown.yRange[1], view.height, 0, shown.logY)];
  const quiet = token("--text-quiet"), grid = token("--line-faint"), [x, y] = uplot.axes;
  const ticks = (axis, words) => (axis._splits ?? []).map((value, i) => [value, words(axis)[i] ?? ""]);
  const across = ticks(x, (axis) => axis._values).map(([value, word]) => `<path stroke="${grid}" d="M${at(sx(value))} 0V${at(view.height)}"/><text x="${at(sx(value))}" y="${at(view.height + 16)}" fill="${quiet}" text-anchor="middle">${escaped(word)}</text>`);
  const up = ticks(y, (axis) => axis._values).map(([value, word]) => `<path stroke="${grid}" d="M0 ${at(sy(value))}H${at(view.width)}"/><text x="-8" y="${at(sy(value) + 4)}" fill="${quiet}" text-anchor="end">${escaped(word)}</text>`);
  const titles = `<text x="${at(view.width / 2)}" y="${at(view.height + 34)}" fill="${quiet}" text-anchor="middle">${escaped(x.label ?? "")}</text>`;
  const rows = legend.map(({ name, ...line }, i) => `<path d="M14 ${at(uplot.height + TITLE + i * LEGEND_ROW + 8.5)}h20" stroke-width="3" stroke="${line.colour}"${dashes(line)}/><text x="40" y="${at(uplot.height + TITLE + i * LEGEND_ROW + 12)}" fill="${token("--text")}" font-size="12">${escaped(name)}</text>`);
  const body = shown.lines.map((line) => lineText(line, sx, sy, view, shown.lines.length)).join("");
  save(`${panel.key}.svg`, `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" font-family="${FONT}" font-size="11"><rect width="100%" height="100%" fill="${token("--surface")}"/><text x="12" y="19" fill="${token("--text")}" font-size="14" font-weight="600">${escaped(panel.key)}</text><g transform="translate(${at(left)} ${at(top)})">${across.join("")}${up.join("")}${titles}<clipPath id="plot"><rect width="${at(view.width)}" height="${at(view.height)}"/></clipPath><g clip-path="url(#plot)">${body}</g></g>${rows.join("")}</svg>`, "image/svg+xml");
}
