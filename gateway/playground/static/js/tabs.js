// Tabs as the ARIA practices have them: arrows move, one stop in the order of focus.

import { h, unique } from "./dom.js";

/** `views` is `[{name, title, draw}]`; `chosen(name)` is called when another is picked. */
export function tabs(label, views, first, chosen = () => {}) {
  const pane = h("div", { class: "pane", role: "tabpanel", id: unique("pane"), tabindex: 0 });
  const buttons = views.map(({ name, title }) =>
    h("button", { type: "button", role: "tab", id: unique("tab"), "aria-controls": pane.id, onclick: () => show(name) }, title),
  );
  const strip = h("div", { class: "tabs", role: "tablist", "aria-label": label, onkeydown: step }, buttons);

  function show(name) {
    const at = Math.max(0, views.findIndex((view) => view.name === name));
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", i === at);
      button.tabIndex = i === at ? 0 : -1;
    });
    pane.setAttribute("aria-labelledby", buttons[at].id);
    pane.replaceChildren(views[at].draw());
    chosen(views[at].name);
  }

  function step(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length;
    show(views[at].name);
    buttons[at].focus();
  }

  show(first ?? views[0].name);
  return [strip, pane];
}
