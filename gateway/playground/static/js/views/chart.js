// The data of a chart, drawn anew beside the original.

import { h, s } from "../dom.js";
import { number, t } from "../words.js";

const [WIDTH, HEIGHT] = [440, 300];
const [LEFT, RIGHT, BOTTOM] = [46, 14, 46];
const ROW = 20;
const COLOURS = ["var(--accent)", "#c2603a", "#2f8f83", "#b0891c", "#8d5aa8", "#5c7a99"];

export function isChart(data) {
  return Array.isArray(data?.series) && data.series.some((series) => series.points?.length);
}

export function chart(run) {
  const { data } = run.reply;
  const series = data.series.filter((each) => each.points?.length);
  const original = run.request.media.find((item) => item.kind === "image");
  return h(
    "div",
    {},
    data.summary && h("p", { class: "summary" }, data.summary),
    h(
      "div",
      { class: "beside" },
      original && h("figure", {}, h("figcaption", {}, t("original")), h("img", { src: original.url, alt: original.name })),
      h("figure", {}, h("figcaption", {}, t("drawn")), draw(data, series)),
    ),
    h("details", { class: "pages" }, h("summary", {}, t("as_table")), table(series)),
  );
}

function draw(data, series) {
  const points = series.flatMap((each) => each.points);
  const said = points.map((point) => `${point.label} ${point.value ?? "–"}`).join(", ");
  const alt = t("drawn_alt", { type: data.type, points: said });
  const picture = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": alt });
  if (data.title) picture.append(s("text", { x: WIDTH / 2, y: 18, "text-anchor": "middle" }, data.title));
  picture.append(...(data.type === "pie" ? slices(series[0]) : plot(data, series)));
  return picture;
}

function plot(data, series) {
  const labels = [...new Set(series.flatMap((each) => each.points.map((point) => point.label)))];
  const values = series.flatMap((each) => each.points.map((point) => point.value ?? 0));
  const rows = 1 + (data.title ? 1 : 0) + (series.length > 1 ? 1 : 0);
  const top = ROW * rows + 4;
  const scale = ticks(Math.min(0, ...values), Math.max(1e-9, ...values));
  const y = (value) => HEIGHT - BOTTOM - ((value - scale.from) / (scale.to - scale.from)) * (HEIGHT - top - BOTTOM);
  const step = (WIDTH - LEFT - RIGHT) / labels.length;
  const x = (label) => LEFT + step * (labels.indexOf(label) + 0.5);
  const draws = { line, area: line, scatter: dots }[data.type] ?? bars;
  return [
    ...rules(scale, y),
    ...labels.map((label) => s("text", { class: "axis", x: x(label), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, short(label, step))),
    ...axes(data.axes ?? {}),
    ...series.flatMap((each, i) => draws(each.points, { x, y, step, count: series.length, i, area: data.type === "area" })),
    ...(series.length > 1 ? legend(series, top - ROW - 2) : []),
  ];
}

const short = (label, room) => (label.length * 8 > room ? `${label.slice(0, Math.max(1, Math.floor(room / 8) - 1))}…` : label);

/** Round values for the axis. */
function ticks(least, most) {
  const rough = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return { from: Math.floor(least / step) * step, to: Math.ceil(most / step) * step, step };
}

function rules({ from, to, step }, y) {
  const found = [];
  for (let value = from; value <= to + step / 2; value += step) {
    found.push(s("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
    found.push(s("text", { class: "axis", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value, 2)));
  }
  return found;
}

function axes({ x, y }) {
  return [
    x && s("text", { class: "axis", x: WIDTH / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x),
    y && s("text", { class: "axis", x: 12, y: HEIGHT / 2, transform: `rotate(-90 12 ${HEIGHT / 2})`, "text-anchor": "middle" }, y),
  ].filter(Boolean);
}

function bars(points, { x, y, step, count, i }) {
  const width = Math.min(56, (step * 0.68) / count);
  return points.flatMap(({ label, value }) => {
    const left = x(label) + (i - count / 2) * width;
    const [top, foot] = [Math.min(y(value ?? 0), y(0)), Math.max(y(value ?? 0), y(0))];
    return [
      s("rect", { x: left, y: top, width: width - 2, height: foot - top, rx: 3, fill: COLOURS[i % COLOURS.length] }),
      s("text", { x: left + width / 2 - 1, y: top - 6, "text-anchor": "middle" }, value === null ? "–" : number(value, 2)),
    ];
  });
}

function line(points, { x, y, i, area }) {
  const path = points.map(({ label, value }) => `${x(label)},${y(value ?? 0)}`).join(" ");
  const colour = COLOURS[i % COLOURS.length];
  const ground = `${x(points[0].label)},${y(0)} ${path} ${x(points.at(-1).label)},${y(0)}`;
  return [
    area && s("polygon", { points: ground, fill: colour, "fill-opacity": 0.18 }),
    s("polyline", { points: path, fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-linejoin": "round" }),
    ...dots(points, { x, y, i }),
  ].filter(Boolean);
}

function dots(points, { x, y, i }) {
  return points.map(({ label, value }) => s("circle", { cx: x(label), cy: y(value ?? 0), r: 4, fill: COLOURS[i % COLOURS.length] }));
}

function slices({ points }) {
  const sum = points.reduce((total, { value }) => total + Math.max(0, value ?? 0), 0) || 1;
  const [cx, cy, r] = [WIDTH / 2, HEIGHT / 2 + 14, 92];
  let turn = -Math.PI / 2;
  return points.flatMap(({ label, value }, i) => {
    const part = (Math.max(0, value ?? 0) / sum) * Math.PI * 2;
    const [a, b, middle] = [turn, turn + part * 0.9999, turn + part / 2];
    turn += part;
    const at = (angle, radius) => `${cx + radius * Math.cos(angle)} ${cy + radius * Math.sin(angle)}`;
    const d = `M${cx} ${cy}L${at(a, r)}A${r} ${r} 0 ${part > Math.PI ? 1 : 0} 1 ${at(b, r)}Z`;
    const [tx, ty] = at(middle, r + 16).split(" ");
    const anchor = Math.cos(middle) < 0 ? "end" : "start";
    return [
      s("path", { d, fill: COLOURS[i % COLOURS.length], stroke: "var(--surface)", "stroke-width": 2 }),
      s("text", { x: tx, y: ty, "text-anchor": anchor }, `${label} ${value === null ? "–" : number(value, 2)}`),
    ];
  });
}

function legend(series, y) {
  return series.flatMap((each, i) => [
    s("rect", { x: LEFT + i * 110, y: y - 9, width: 10, height: 10, rx: 2, fill: COLOURS[i % COLOURS.length] }),
    s("text", { class: "axis", x: LEFT + i * 110 + 15, y }, short(each.name ?? String(i + 1), 90)),
  ]);
}

function table(series) {
  const labels = [...new Set(series.flatMap((each) => each.points.map((point) => point.label)))];
  const value = (each, label) => each.points.find((point) => point.label === label)?.value;
  const head = h("tr", {}, h("th", { scope: "col" }, "\u00a0"), series.map((each, i) => h("th", { scope: "col" }, each.name ?? String(i + 1))));
  const rows = labels.map((label) =>
    h("tr", {}, h("th", { scope: "row" }, label), series.map((each) => h("td", {}, String(value(each, label) ?? "–")))),
  );
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, rows)));
}
