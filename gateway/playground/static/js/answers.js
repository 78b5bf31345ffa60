// The right side: the examples to begin with, then the answers.

import { on } from "./bus.js";
import { $, announce, h } from "./dom.js";
import { address, questions, STARTS } from "./examples.js";
import { taskNamed } from "./server.js";
import { remember } from "./history.js";
import { panel } from "./panel.js";
import { ask } from "./run.js";
import { taskTitle } from "./tasks.js";
import { language, t } from "./words.js";

let panels = [];
let runs = [];
let begin = () => {};

/** `start` is called with the example that was picked. */
export function showAnswers(start) {
  begin = start;
  on("catalogue", () => runs.length || drawStart());
  on("language", () => (runs.length ? panels.forEach((each) => each.redraw()) : drawStart()));
  addEventListener("keydown", (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && stop());
}

function stop() {
  for (const run of runs) if (!run.ended) run.stop();
}

function drawStart() {
  const cards = STARTS.filter((start) => taskNamed(start.task)).map(card);
  if (!cards.length) return;
  $("answers").replaceChildren(
    h("div", { class: "start" }, h("h2", {}, t("start_title")), h("p", { class: "hint" }, t("start_note")), h("div", { class: "cards" }, cards)),
  );
}

function card(start) {
  const words = questions(start.task, language())[start.question];
  const video = start.type.startsWith("video/");
  const view = video
    ? h("video", { src: address(start), muted: true, preload: "auto", playsinline: true, "aria-hidden": "true", tabindex: -1 })
    : h("img", { src: address(start), alt: "" });
  return h(
    "button",
    { type: "button", class: "card", "data-start": start.task, onclick: () => begin(start) },
    h("span", { class: "view" }, view),
    h("span", { class: "words" }, h("span", {}, words), h("small", {}, taskTitle(start.task))),
  );
}

/** Asks all of them at the same time, side by side. Those still running are stopped. */
export function run(requests) {
  stop();
  runs = [];
  const mine = requests.map((request) => {
    let shown = null;
    const one = ask(request, (...change) => shown?.change(...change));
    shown = panel(one, () => run([request]));
    return { one, shown };
  });
  runs = mine.map(({ one }) => one);
  panels = mine.map(({ shown }) => shown);
  $("answers").replaceChildren(h("div", { class: runs.length > 1 ? "runs two" : "runs" }, panels.map(({ element }) => element)));
  comeIntoView();
  announce(t("announce_start"));
  for (const one of runs) one.finished.then(() => close(one));
}

function comeIntoView() {
  const { top } = $("answers").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 3) $("answers").scrollIntoView({ block: "start" });
}

function close(one) {
  if (one.state !== "stopped") remember(one);
  const words = {
    done: () => t("announce_done", { answer: one.text.slice(0, 300) }),
    failed: () => t("announce_fault", { what: one.fault.message || t("fault_network") }),
    stopped: () => t("announce_stop"),
  };
  announce(words[one.state]());
}
