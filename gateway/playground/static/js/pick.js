// Every way in for files: drop, paste, pick, photograph.

import { $, announce } from "./dom.js";
import { add } from "./media.js";
import { t } from "./words.js";

export function takeFiles() {
  for (const [button, input] of [["pick", "files"], ["photo", "camera"]]) {
    $(button).addEventListener("click", () => $(input).click());
    $(input).addEventListener("change", ({ target }) => {
      const files = [...target.files];
      target.value = "";
      take(files);
    });
  }
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  takeDrops();
}

/** Files may be dropped anywhere on the page. */
function takeDrops() {
  const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const light = (by) => {
    depth = by ? depth + by : 0;
    $("zone").classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", (event) => bringsFiles(event) && light(1));
  addEventListener("dragleave", (event) => bringsFiles(event) && light(-1));
  addEventListener("dragover", (event) => bringsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    light(0);
    if (!bringsFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
}

async function take(files) {
  if (!files.length) return;
  const added = await add(files);
  announce(t("added", { count: added.length }));
}
