// One run on the page: the question, the answer as it comes, its views, and what happened.

import { h } from "./dom.js";
import { facts } from "./facts.js";
import { fault } from "./fault.js";
import { snippets } from "./snippets.js";
import { taskNamed } from "./server.js";
import { tabs } from "./tabs.js";
import { taskTitle } from "./tasks.js";
import { chart, isChart } from "./views/chart.js";
import { code } from "./views/code.js";
import { film } from "./views/film.js";
import { pages } from "./views/pages.js";
import { hasPlaces, places } from "./views/places.js";
import { growing, text, thoughts } from "./views/text.js";
import { tree } from "./views/tree.js";
import { t } from "./words.js";

/** `{element, change(run, what, detail), redraw()}`; `again` asks the same once more. */
export function panel(run, again) {
  const element = h("article", { class: "run", tabindex: -1 });
  let words = null;
  let pagesSoFar = null;
  let thinking = null;

  function redraw() {
    element.dataset.state = run.state;
    const live = run.state === "asking" || run.state === "answering";
    element.setAttribute("aria-busy", live);
    const focused = element.contains(document.activeElement);
    element.replaceChildren(head(run, live), ...(live ? coming() : come(run, again)));
    if (focused) element.focus({ preventScroll: true });
  }

  function coming() {
    words = growing(run);
    pagesSoFar = h("div", {}, run.pages.length ? pages(run) : null);
    thinking = h("div", {}, run.thoughts ? thoughts(run) : null);
    return [h("div", { class: "pane" }, pagesSoFar, thinking, words.element)];
  }

  function change(_, what, detail) {
    if (what === "token") say(detail);
    else if (what === "thought") think(detail);
    else if (what === "progress") pagesSoFar.replaceChildren(pages(run));
    else if (run.state === "answering") element.dataset.state = run.state;
    else redraw();
  }

  function say(token) {
    if (run.text === token && run.thoughts) thinking.firstElementChild.open = false;
    words.add(token);
  }

  function think(token) {
    if (!thinking.firstElementChild) thinking.append(thoughts({ thoughts: "", text: "" }));
    thinking.querySelector("p").append(token);
  }

  redraw();
  return { element, change, redraw };
}

function head({ request, stop }, live) {
  const asked = request.text.trim() || taskNamed(request.task)?.description || taskTitle(request.task);
  const thumbs = request.media.filter((item) => item.thumb).slice(0, 8);
  return h(
    "header",
    {},
    h("div", { class: "who" }, h("span", {}, taskTitle(request.task)), h("span", {}, request.model), live && halt(stop)),
    h("h2", { class: "asked" }, asked),
    thumbs.length > 0 && h("div", { class: "thumbs" }, thumbs.map((item) => h("img", { src: item.thumb, alt: item.name }))),
  );
}

const halt = (stop) => h("button", { type: "button", class: "halt", "aria-keyshortcuts": "Escape", onclick: stop }, t("stop"));

function come(run, again) {
  if (run.state === "failed") {
    const rest = run.text && h("div", { class: "pane" }, text(run));
    return [h("div", { class: "pane" }, fault(run.fault, again)), rest, facts(run), snippets(run.request)].filter(Boolean);
  }
  if (run.state === "stopped") {
    return [h("div", { class: "pane" }, h("p", { class: "note" }, t("stopped")), text(run)), facts(run), snippets(run.request)];
  }
  const remarks = notes(run.reply);
  const views = viewsOf(run);
  const keep = (name) => {
    run.view = name;
  };
  if (views.length === 1) return [remarks, h("div", { class: "pane" }, views[0].draw()), facts(run), snippets(run.request)].filter(Boolean);
  const [strip, pane] = tabs(t("views"), views, run.view, keep);
  return [strip, remarks, pane, facts(run), snippets(run.request)].filter(Boolean);
}

function notes({ metadata }) {
  const words = [
    metadata.degraded && t("degraded"),
    metadata.finish_reason === "length" && t("cut_off"),
    ...(metadata.warnings ?? []).map((warning) => warning.message ?? String(warning)),
  ].filter(Boolean);
  return words.length ? h("div", { class: "pane-notes" }, words.map((each) => h("p", { class: "note" }, each))) : null;
}

/** What there is to see of an answer, the most telling first. */
function viewsOf(run) {
  const { data } = run.reply;
  const moving = taskNamed(run.request.task)?.lane === "video" || run.request.media.some((item) => item.kind === "video");
  const views = [
    hasPlaces(data) && ["places", places],
    isChart(data) && ["chart", chart],
    typeof data === "string" && ["code", code],
    run.pages.length > 0 && ["pages", summaryAndPages],
    moving && ["film", film],
    ["text", text],
    data && typeof data === "object" && ["data", () => tree(data)],
  ];
  return views.filter(Boolean).map(([name, draw]) => ({ name, title: t(`view_${name}`), draw: () => draw(run) }));
}

const summaryAndPages = (run) => h("div", {}, text(run), pages(run));
