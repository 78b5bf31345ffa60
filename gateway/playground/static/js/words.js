// The words of the page in its two languages.

import { emit } from "./bus.js";
import { lasting } from "./keep.js";
import en from "./words/en.js";
import zh from "./words/zh.js";

const WORDS = { en, zh };
const root = document.documentElement;

export const language = () => root.lang;

/** The words under a name, with `{blanks}` filled in. */
export function t(name, blanks = {}) {
  const text = WORDS[language()][name] ?? en[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, blank) => blanks[blank] ?? whole);
}

/** Words that there may be none of. */
export const maybe = (name) => WORDS[language()][name] ?? en[name];

export function number(value, digits = 0) {
  return value.toLocaleString(language(), { maximumFractionDigits: digits });
}

/** Writes the words into the page as it stands. */
export function write() {
  document.title = t("page_title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
}

export function speak(chosen) {
  root.lang = chosen;
  lasting.set("language", chosen);
  write();
  emit("language");
}
