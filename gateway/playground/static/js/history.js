// Past questions, kept in this browser: words and small thumbnails, never the files.

import { emit, on } from "./bus.js";
import { $, glyph, h } from "./dom.js";
import { lasting } from "./keep.js";
import { taskTitle } from "./tasks.js";
import { language, t } from "./words.js";

const NAME = "history";
const MOST = 40;
const LONGEST = 4000;
const THUMBS = 4;

const read = () => {
  try {
    return JSON.parse(lasting.get(NAME) ?? "[]");
  } catch {
    return [];
  }
};

/** Makes room by forgetting the oldest. */
function write(entries) {
  let kept = entries.slice(0, MOST);
  while (kept.length && !lasting.set(NAME, JSON.stringify(kept))) kept = kept.slice(0, Math.floor(kept.length / 2));
  if (!kept.length) lasting.set(NAME, null);
}

export function remember(run) {
  const { task, text, model, system, media } = run.request;
  const thumbs = media.map((item) => item.thumb).filter(Boolean).slice(0, THUMBS);
  const entry = { at: Date.now(), task, text, model, system, thumbs, answer: run.text.slice(0, LONGEST), code: run.fault?.code };
  write([entry, ...read()]);
}

export function showHistory() {
  const dialog = $("history-dialog");
  $("history-close").replaceChildren(glyph("close"));
  $("open-history").addEventListener("click", () => {
    draw();
    dialog.showModal();
  });
  $("history-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  $("history-clear").addEventListener("click", () => {
    write([]);
    draw();
  });
  on("language", draw);
}

function draw() {
  const entries = read();
  $("history-clear").hidden = !entries.length;
  $("past").replaceChildren(...(entries.length ? entries.map(row) : [h("li", { class: "hint" }, t("history_empty"))]));
}

function row(entry) {
  const when = new Date(entry.at).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });
  const forget = () => {
    write(read().filter((each) => each.at !== entry.at));
    draw();
    ($("past").querySelector("button") ?? $("history-close")).focus();
  };
  const again = () => {
    $("history-dialog").close();
    emit("again", entry);
  };
  return h(
    "li",
    {},
    entry.thumbs.length > 0 && h("div", { class: "thumbs" }, entry.thumbs.map((src) => h("img", { src, alt: "" }))),
    h("h3", {}, entry.text || taskTitle(entry.task)),
    h("p", { class: "said" }, entry.code ? `${entry.code}` : entry.answer),
    h(
      "div",
      { class: "row" },
      h("span", { class: "hint" }, `${taskTitle(entry.task)} · ${when}`),
      h("button", { type: "button", class: "quiet", onclick: again }, t("history_again")),
      h("button", { type: "button", class: "quiet icon", "aria-label": t("remove", { name: entry.text || when }), onclick: forget }, glyph("close")),
    ),
  );
}
