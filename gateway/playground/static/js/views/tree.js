// JSON as a tree that opens and closes.

import { h } from "../dom.js";

const OPEN_TO = 4;

export function tree(value) {
  return h("div", { class: "tree" }, node(null, value, 0));
}

function node(name, value, depth) {
  const label = name === null ? null : h("span", { class: "k" }, `${name}: `);
  if (value === null || typeof value !== "object") return h("div", {}, label, leaf(value));
  const entries = Object.entries(value);
  const brackets = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return h("div", {}, label, brackets);
  if (flat(value)) return h("div", {}, label, "[", value.flatMap((each, i) => [i ? ", " : "", leaf(each)]), "]");
  return h(
    "details",
    { open: depth < OPEN_TO },
    h("summary", {}, label, h("span", { class: "k" }, brackets)),
    h("div", { class: "in" }, entries.map(([key, each]) => node(key, each, depth + 1))),
  );
}

/** A short list of numbers, such as a box. */
const flat = (value) => Array.isArray(value) && value.length <= 6 && value.every((each) => typeof each === "number");

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  return h("span", { class: kind }, JSON.stringify(value));
}
