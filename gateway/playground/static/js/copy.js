// A button that copies.

import { announce, h } from "./dom.js";
import { t } from "./words.js";

const SHOWN_MS = 1600;

export function copyButton(text) {
  const button = h("button", { type: "button", class: "quiet copy", onclick: copy }, t("copy"));
  async function copy() {
    if (!(await write(text()))) return;
    button.textContent = t("copied");
    announce(t("copied"));
    setTimeout(() => (button.textContent = t("copy")), SHOWN_MS);
  }
  return button;
}

/** Without TLS browsers have no clipboard for pages, except on this very machine: then by the old way. */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "sr", value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
