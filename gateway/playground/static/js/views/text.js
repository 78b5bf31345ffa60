// The answer as words, token by token while they come.

import { h } from "../dom.js";
import { t } from "../words.js";

const FRESH = 40;

/** A view that grows: `{element, add(token)}`. Old tokens melt into plain text. */
export function growing(run) {
  const looksLikeData = () => /^\s*[[{`]/.test(run.text);
  const words = h("span");
  const caret = h("span", { class: "caret", "aria-hidden": "true" });
  const waiting = h("span", { class: "waiting" }, t("waiting"), caret);
  const element = h("div", { class: "said-text" }, words, waiting);
  const add = (token) => {
    waiting.replaceWith(caret);
    element.classList.toggle("code", looksLikeData());
    words.append(h("span", { class: "token" }, token));
    if (words.children.length > FRESH) melt(words);
  };
  if (run.text) add(run.text);
  return { element, add };
}

function melt(words) {
  const oldest = words.firstElementChild;
  const before = oldest.previousSibling;
  if (before) before.data += oldest.textContent;
  else words.prepend(oldest.textContent);
  oldest.remove();
}

export function text(run) {
  const words = h("div", { class: "said-text" + (run.reply?.data ? " code" : "") }, run.text);
  return run.thoughts ? h("div", {}, thoughts(run), words) : words;
}

/** What a thinking model thought before it answered; open while it has said nothing yet. */
export function thoughts(run) {
  return h("details", { class: "thoughts", open: !run.text }, h("summary", {}, t("thoughts")), h("p", {}, run.thoughts));
}
