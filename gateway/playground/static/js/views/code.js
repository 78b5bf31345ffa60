// Code that the model wrote: to read, copy and save. It is never run here.

import { h } from "../dom.js";
import { t } from "../words.js";

export function code(run) {
  const address = URL.createObjectURL(new Blob([run.reply.data], { type: "text/plain" }));
  return h(
    "div",
    {},
    h("pre", { class: "code", tabindex: 0 }, run.reply.data),
    h("p", {}, h("a", { href: address, download: `${run.request.task}.html`, class: "quiet" }, t("save"))),
  );
}
