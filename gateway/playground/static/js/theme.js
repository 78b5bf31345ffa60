// Light, dark, or as the system has it.

import { on } from "./bus.js";
import { $, glyph } from "./dom.js";
import { lasting } from "./keep.js";
import { t } from "./words.js";

const THEMES = ["system", "light", "dark"];
const GLYPHS = { system: "half", light: "sun", dark: "moon" };
const root = document.documentElement;

const theme = () => root.dataset.theme ?? "system";

export function showTheme() {
  $("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    lasting.set("theme", next === "system" ? null : next);
    draw();
  });
  on("language", draw);
  draw();
}

function draw() {
  const label = t("theme", { theme: t(`theme_${theme()}`) });
  $("theme").setAttribute("aria-label", label);
  $("theme").title = label;
  $("theme").replaceChildren(glyph(GLYPHS[theme()]));
}
