// The parameters of a request, and their fields.

import { on } from "./bus.js";
import { $, h, unique } from "./dom.js";
import { server, taskNamed } from "./server.js";
import { t } from "./words.js";

const FIELDS = [
  { name: "max_tokens", type: "number", min: 1, max: 32768, step: 1 },
  { name: "temperature", type: "number", min: 0, max: 2, step: 0.1 },
  { name: "top_p", type: "number", min: 0.01, max: 1, step: 0.01 },
  { name: "seed", type: "number", min: 0, step: 1 },
  { name: "pages", type: "text", ghost: "1-5,8", when: (task) => task.takes_documents },
  { name: "preprocess", choices: ["none", "auto", "scan"] },
  { name: "system", type: "text", wide: true },
  { name: "stream", tick: true, first: true },
  { name: "fresh", tick: true },
  { name: "strict", tick: true },
  { name: "cut", tick: true },
  { name: "mask", tick: true },
];

const values = Object.fromEntries(FIELDS.filter((field) => field.first).map(({ name }) => [name, true]));
let task = "";

export function showParameters() {
  on("language", draw);
  on("role", (role) => {
    values.system = role;
    draw();
  });
  on("task", (name) => {
    task = name;
    draw();
  });
}

function draw() {
  const asked = taskNamed(task);
  if (!asked) return;
  const fields = FIELDS.filter((field) => field.when?.(asked) ?? true);
  $("parameter-fields").replaceChildren(...fields.map((field) => row(field, asked)));
}

function row(field, asked) {
  const id = unique("parameter");
  const change = ({ target }) => {
    values[field.name] = field.tick ? target.checked : target.value;
  };
  if (field.tick) {
    const box = h("input", { type: "checkbox", id, checked: Boolean(values[field.name]), onchange: change });
    return h("div", { class: "tick wide" }, box, h("label", { for: id }, t(field.name)));
  }
  const label = h("label", { class: "label", for: id }, t(field.name));
  return h("div", { class: field.wide ? "wide" : "" }, label, input(field, id, asked, change));
}

function input(field, id, asked, change) {
  if (field.choices) {
    const options = field.choices.map((value) => h("option", { value }, t(`${field.name}_${value}`)));
    const select = h("select", { id, onchange: change }, options);
    select.value = values[field.name] ?? field.choices[0];
    return select;
  }
  const { type, min, max, step } = field;
  const ghost = field.ghost ?? asked.defaults[field.name] ?? (field.wide ? t(`${field.name}_ghost`) : "");
  return h("input", { id, type, min, max, step, placeholder: ghost, value: values[field.name] ?? "", onchange: change });
}

/** What was set, as the API names it: `{options, system, stream, fresh}`. */
export function parameters() {
  const options = {};
  for (const { name, type } of FIELDS.filter((field) => field.type === "number")) {
    const value = values[name];
    if (type && value !== undefined && value !== "" && Number.isFinite(Number(value))) options[name] = Number(value);
  }
  if (values.preprocess && values.preprocess !== "none") options.preprocess = values.preprocess;
  if (values.pages && taskNamed(task)?.takes_documents) options.pages = values.pages;
  if (values.strict) options.allow_degraded = false;
  if (values.cut) options.truncate_video = true;
  if (values.mask) options.mask_pii = true;
  return { options, system: values.system ?? "", stream: Boolean(values.stream), fresh: Boolean(values.fresh) };
}

/** The lane that a request goes by. */
export function laneOf(request) {
  if (request.media.some((item) => item.kind === "video")) return "video";
  return server.tasks.find(({ name }) => name === request.task)?.lane ?? "";
}
