// Makes elements. Text only ever becomes text nodes: nothing here takes markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** An element: `h("p", {class: "hint", onclick: f}, "words", child)`. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else if (name === "value" || name === "checked" || name === "src") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const GLYPHS = {
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  page: "M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 12h16",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  broken: "M4 5h16v14H4zM9 9l6 6M15 9l-6 6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4 7 7 0 0 0 20 14.5z",
  half: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 3v18M15 5v14M18 7.5v9",
};

export function glyph(name) {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return s("svg", { class: "glyph", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: GLYPHS[name], ...line }));
}

/** Says something to those who listen instead of look. */
export function announce(text) {
  $("announce").textContent = text;
}

let names = 0;
/** An id that no other element has. */
export const unique = (stem) => `${stem}-${++names}`;
