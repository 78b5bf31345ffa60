// The API key: kept for the tab, never longer.

import { on } from "./bus.js";
import { $ } from "./dom.js";
import { key, setKey } from "./server.js";

export function showKeyDialog() {
  const dialog = $("key-dialog");
  const open = () => {
    $("key").value = key();
    $("key-forget").hidden = !key();
    dialog.showModal();
  };
  $("open-key").addEventListener("click", open);
  on("ask-key", open);
  $("key-cancel").addEventListener("click", () => dialog.close());
  $("key-forget").addEventListener("click", () => {
    setKey("");
    dialog.close();
  });
  $("key-form").addEventListener("submit", () => setKey($("key").value.trim()));
}
