// Boxes and points over the picture they are in, in pixels of the original.

import { h, s } from "../dom.js";
import { t } from "../words.js";

const TALLEST_REM = 34;

export const hasPlaces = (data) => Array.isArray(data?.boxes) || Array.isArray(data?.points);

export function places(run) {
  const { boxes = [], points = [], action, reason } = run.reply.data;
  const item = run.request.media.find((each) => each.kind === "image");
  const found = [...boxes.map(asBox), ...points.map(asPoint)];
  const said = [action, reason].filter(Boolean).join(" · ");
  return h(
    "div",
    {},
    said && h("p", { class: "summary" }, said),
    found.length ? null : h("p", { class: "hint" }, t("nothing_found")),
    item ? h("div", { class: "beside" }, over(item, found), list(found)) : h("p", { class: "hint" }, t("original_gone")),
  );
}

const asBox = ({ label = "", box: [x1, y1, x2, y2] }) => ({
  label,
  numbers: `${x1}, ${y1} – ${x2}, ${y2}`,
  shapes: ["halo", ""].map((name) => s("rect", { class: name, x: x1, y: y1, width: x2 - x1, height: y2 - y1 })),
});

const asPoint = ({ label = "", point: [x, y] }) => ({ label, numbers: `${x}, ${y}`, x, y });

function over(item, found) {
  const { width, height } = item;
  const picture = h("img", { src: item.url, alt: item.name });
  const layer = s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", preserveAspectRatio: "none" });
  for (const place of found) {
    const r = Math.max(width, height) / 45;
    place.shapes ??= ["halo", ""].map((name) => s("circle", { class: name, cx: place.x, cy: place.y, r }));
    place.mark = s("g", {}, place.shapes);
    layer.append(place.mark);
  }
  return h("div", { class: "places", style: { "max-width": `${(TALLEST_REM * width) / height}rem` } }, picture, layer);
}

function list(found) {
  const light = (place, lit) => () => place.mark.classList.toggle("on", lit);
  const rows = found.map((place, i) =>
    h(
      "li",
      {
        tabindex: 0,
        onmouseenter: light(place, true),
        onmouseleave: light(place, false),
        onfocus: light(place, true),
        onblur: light(place, false),
      },
      h("span", {}, place.label || String(i + 1)),
      h("span", { class: "mono" }, place.numbers),
    ),
  );
  return h("ol", { class: "spots" }, rows);
}
