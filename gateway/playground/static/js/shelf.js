// The chosen files as thumbnails: reorder by dragging or by buttons, and remove.

import { on } from "./bus.js";
import { $, announce, glyph, h } from "./dom.js";
import { media, move, remove } from "./media.js";
import { number, t } from "./words.js";

const GLYPHS = { document: "page", video: "film", image: "image" };
let dragged = null;
let refused = new Set();

export function showShelf() {
  on("media", draw);
  on("language", draw);
  on("problems", (problems) => {
    refused = new Set(problems.map(({ item }) => item));
    for (const row of $("shelf").children) row.classList.toggle("refused", refused.has(Number(row.dataset.id)));
  });
}

function draw() {
  $("zone").classList.toggle("filled", media.length > 0);
  document.querySelector(".pick > p").textContent = t(media.length ? "more" : "drop");
  $("shelf").replaceChildren(...media.map(row));
}

function row(item, i) {
  return h(
    "li",
    {
      "data-id": item.id,
      class: refused.has(item.id) ? "refused" : "",
      draggable: media.length > 1 ? "true" : null,
      ondragstart: (event) => take(event, item),
      ondragover: over,
      ondragleave: ({ currentTarget }) => currentTarget.classList.remove("target"),
      ondrop: (event) => put(event, i),
      ondragend: () => letGo(),
    },
    media.length > 1 && h("span", { class: "number", "aria-hidden": "true" }, String(i + 1)),
    h("div", { class: "thumb" }, item.thumb ? h("img", { src: item.thumb, alt: "", draggable: "false" }) : glyph(GLYPHS[item.kind] ?? "broken"), handles(item, i)),
    h("div", { class: "name", title: item.name }, item.name),
    h("div", { class: "size" }, about(item)),
  );
}

function about({ file, width, height, seconds }) {
  const size = file.size < 1e6 ? `${number(Math.max(1, file.size / 1e3))} kB` : `${number(file.size / 1e6, 1)} MB`;
  const extent = seconds ? t("seconds", { seconds: number(seconds, 1) }) : width && t("pixels", { width, height });
  return [size, extent].filter(Boolean).join(" · ");
}

function handles(item, i) {
  const { name } = item;
  const button = (words, sign, act, disabled) =>
    h("button", { type: "button", "aria-label": t(words, { name }), title: t(words, { name }), disabled, onclick: act }, glyph(sign));
  const shift = (to, side) => () => {
    announce(t("moved", { name, place: move(item.id, to) }));
    const buttons = $("shelf").children[to].querySelectorAll(".handles button");
    (buttons[side].disabled ? buttons[1 - side] : buttons[side]).focus();
  };
  const drop = () => {
    remove(item.id);
    ($("shelf").children[Math.min(i, media.length - 1)]?.querySelector(".handles button:last-child") ?? $("pick")).focus();
  };
  return h(
    "div",
    { class: "handles" },
    media.length > 1 && button("forward", "left", shift(i - 1, 0), i === 0),
    media.length > 1 && button("back", "right", shift(i + 1, 1), i === media.length - 1),
    button("remove", "close", drop, false),
  );
}

function take(event, item) {
  dragged = item;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", item.name);
  event.currentTarget.classList.add("dragged");
}

function over(event) {
  if (!dragged) return;
  event.preventDefault();
  event.currentTarget.classList.add("target");
}

function put(event, to) {
  if (!dragged) return;
  event.preventDefault();
  const item = dragged;
  letGo();
  announce(t("moved", { name: item.name, place: move(item.id, to) }));
}

function letGo() {
  dragged = null;
  for (const each of $("shelf").children) each.classList.remove("dragged", "target");
}
