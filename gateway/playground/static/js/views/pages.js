// A document: how far it is, and what was found on each page.

import { h } from "../dom.js";
import { t } from "../words.js";

export function pages(run) {
  const reading = run.state === "asking" || run.state === "answering";
  const rows = run.pages.map(({ page, answer }) =>
    h(
      "details",
      { open: run.pages.length <= 4 },
      h("summary", {}, t("page_n", { page }), h("small", {}, firstLine(answer))),
      h("p", {}, answer),
    ),
  );
  return h("div", {}, reading && progress(run), h("div", { class: "pages" }, rows));
}

export function progress(run) {
  const words = t("page_progress", { done: run.done, total: run.total });
  const share = `${(100 * run.done) / run.total}%`;
  const bar = { class: "bar", role: "progressbar", "aria-label": words, "aria-valuenow": run.done, "aria-valuemax": run.total };
  return h("div", { class: "progress" }, h("span", { class: "hint" }, words), h("div", bar, h("i", { style: { width: share } })));
}

const firstLine = (answer) => {
  const line = answer.trim().split("\n")[0];
  return line.length > 60 ? `${line.slice(0, 58)}…` : line;
};
