// Which task: pills, and a line about the chosen one.

import { emit, on } from "./bus.js";
import { $, h, unique } from "./dom.js";
import { server, taskNamed } from "./server.js";
import { language, maybe, t } from "./words.js";

let chosen = "";

export const task = () => chosen;
export const taskTitle = (name) => maybe(`task.${name}`) ?? name;

export function showTasks() {
  on("catalogue", () => {
    if (!taskNamed(chosen)) chosen = server.tasks[0].name;
    draw();
    emit("task", chosen);
  });
  on("language", draw);
}

export function choose(name) {
  if (!taskNamed(name)) return;
  chosen = name;
  $("tasks").querySelector(`[value="${CSS.escape(name)}"]`).checked = true;
  drawNote();
  emit("task", name);
}

function draw() {
  $("tasks").replaceChildren(...server.tasks.map(({ name }) => pill(name)));
  if (taskNamed(chosen)) drawNote();
}

function drawNote() {
  const { description } = taskNamed(chosen);
  const words = maybe(`note.${chosen}`) ?? description;
  const foreign = language() === "zh" && words === description ? "en" : null;
  $("task-note").replaceChildren(h("span", { lang: foreign }, words), h("code", {}, chosen));
}

function pill(name) {
  const id = unique("task");
  return h(
    "span",
    {},
    h("input", { type: "radio", name: "task", id, value: name, checked: name === chosen, onchange: () => choose(name) }),
    h("label", { for: id }, taskTitle(name)),
  );
}
