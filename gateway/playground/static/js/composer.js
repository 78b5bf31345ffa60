// The form: question, models, comparison; and the problems that it has.

import { emit, on } from "./bus.js";
import { advice, check } from "./check.js";
import { $, h } from "./dom.js";
import { questions } from "./examples.js";
import { media, remove } from "./media.js";
import { parameters } from "./parameters.js";
import { server, taskNamed } from "./server.js";
import { choose, task, taskTitle } from "./tasks.js";
import { language, t } from "./words.js";

export function showComposer() {
  on("catalogue", drawModels);
  for (const topic of ["task", "language"]) on(topic, drawQuestion);
  for (const topic of ["task", "media", "language"]) on(topic, () => drawProblems());
  $("compare").addEventListener("change", drawCompare);
  $("parameter-fields").addEventListener("change", () => drawProblems());
  for (const id of ["question", "question-b"]) {
    $(id).addEventListener("input", drawSuggestions);
    $(id).addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) $("form").requestSubmit();
    });
  }
  if (!/Mac|iPhone|iPad/.test(navigator.platform)) $("ask").querySelector("kbd").textContent = "Ctrl ↵";
}

/** One request, or two to compare; `null` where something is missing, which is then shown. */
export function requests() {
  const common = { task: task(), media: [...media], ...parameters() };
  const first = { ...common, text: words("question"), model: $("model").value };
  const found = [first];
  if ($("compare").value === "models") found.push({ ...first, model: $("model-b").value });
  if ($("compare").value === "questions") found.push({ ...first, text: words("question-b") });
  for (const request of found) if (drawProblems(request)) return null;
  return found;
}

/** What is asked: in an empty field, the task's own question in the language of the page. */
function words(id) {
  const typed = $(id).value;
  return typed.trim() ? typed : (taskNamed(task()).default_text?.[language()] ?? "");
}

export function fillIn({ text, model, system }) {
  $("question").value = text ?? "";
  drawSuggestions();
  if (server.models.includes(model)) $("model").value = model;
  emit("role", system ?? "");
}

function drawModels() {
  for (const [id, at] of [["model", 0], ["model-b", 1]]) {
    const before = $(id).value;
    $(id).replaceChildren(...server.models.map((name) => h("option", { value: name }, name)));
    $(id).value = server.models.includes(before) ? before : (server.models[at] ?? server.models[0]);
  }
}

function drawQuestion() {
  const about = taskNamed(task());
  if (!about) return;
  const ghost = about.default_text?.[language()] ?? t("question_ghost");
  for (const id of ["question", "question-b"]) $(id).placeholder = ghost;
  $("question-note").textContent = about.needs_text ? "" : t("optional");
  const put = (words) => () => {
    const second = $("compare").value === "questions" && $("question").value;
    $(second ? "question-b" : "question").value = words;
    $(second ? "question-b" : "question").focus();
    drawSuggestions();
  };
  const chips = questions(task(), language()).map((words) => h("button", { type: "button", onclick: put(words) }, words));
  $("suggestions").replaceChildren(...chips);
  drawSuggestions();
}

/** Questions are suggested while a field for one is empty. */
function drawSuggestions() {
  const fields = $("compare").value === "questions" ? ["question", "question-b"] : ["question"];
  $("suggestions").hidden = fields.every((id) => $(id).value.trim());
}

function drawCompare() {
  const mode = $("compare").value;
  $("second-model").hidden = mode !== "models";
  $("second-question").hidden = mode !== "questions";
  drawSuggestions();
}

/** Shows what is wrong with a request, or with what is chosen so far; says whether something is. */
function drawProblems(request) {
  if (!taskNamed(task())) return false;
  const asked = request ?? { task: task(), media, text: "", options: parameters().options };
  const problems = check({ ...asked, sending: Boolean(request) });
  emit("problems", problems);
  $("problems").replaceChildren(...problems.map(problem));
  if (request && problems.some(({ question }) => question)) $("question").focus();
  return problems.length > 0;
}

function problem({ code, text, item, task: better }) {
  const advised = server.facts.codes[code];
  return h(
    "div",
    { class: "problem" },
    h("b", { title: advised.name }, String(code)),
    h("span", {}, text, " ", better || code === server.facts.refusals.invalid_request ? "" : advice(code)),
    better && h("button", { type: "button", onclick: () => choose(better) }, t("use_task", { task: taskTitle(better) })),
    item && !better && h("button", { type: "button", onclick: () => remove(item) }, t("remove", { name: "" }).trim()),
  );
}
