// A refusal or failure: its code, the server's words, and what to do.

import { advice } from "./check.js";
import { emit } from "./bus.js";
import { h } from "./dom.js";
import { server } from "./server.js";
import { language, t } from "./words.js";

const NO_KEY = [401, 403];

export function fault({ code, status, message, retryAfter }, again) {
  const own = { "": t("fault_network"), cut: t("fault_cut") }[message];
  const words = own ?? message.replace(/ \(code \d+\)$/, "");
  const title = code ? `${code} · ${server.facts.codes[code]?.name ?? ""}` : status ? `HTTP ${status}` : "";
  const local = language() === "zh" && code ? advice(code) : "";
  return h(
    "div",
    { class: "fault" },
    title && h("h3", {}, title),
    local && h("p", {}, local),
    h("p", { lang: own ? null : "en" }, words),
    retryAfter > 0 && h("p", { class: "hint" }, t("retry_after", { seconds: retryAfter })),
    h(
      "div",
      { class: "buttons" },
      NO_KEY.includes(status) && h("button", { type: "button", onclick: () => emit("ask-key") }, t("enter_key")),
      again && h("button", { type: "button", onclick: again }, t("try_again")),
    ),
  );
}
