// A clip on a line of time: the frames that the model looks at, and the moments that the answer names.

import { h } from "../dom.js";
import { server } from "../server.js";
import { number, t } from "../words.js";

const MOMENT = /(\d+(?:\.\d+)?)\s*(?:seconds?\b|secs?\b|s\b|秒)/gi;

export function film(run) {
  const item = run.request.media.find((each) => each.kind === "video");
  const answer = h("p", { class: "summary said-text" }, run.text);
  return h("div", {}, answer, item ? clip(item, run.text) : stills(run.request.media));
}

function clip(item, text) {
  const video = h("video", { src: item.url, controls: true, muted: true, playsinline: true, preload: "auto", "aria-label": item.name });
  const seconds = item.seconds || 1;
  const at = (time) => ({ left: `${(100 * time) / seconds}%` });
  const head = h("i", { class: "head", style: at(0) });
  video.addEventListener("timeupdate", () => head.style.setProperty("left", at(video.currentTime).left));
  const frames = looked(seconds);
  const ticks = frames.map((time) => h("i", { class: "tick", style: at(time) }));
  const moments = [...new Set([...text.matchAll(MOMENT)].map((match) => Number(match[1])))].filter((time) => time <= seconds);
  const jump = (time) => () => {
    video.currentTime = time;
  };
  return h(
    "div",
    { class: "film" },
    video,
    h("div", { class: "track", "aria-hidden": "true" }, ticks, head),
    h("p", { class: "ends hint" }, h("span", {}, t("seconds", { seconds: 0 })), h("span", {}, t("frames_seen", { count: frames.length })), h("span", {}, t("seconds", { seconds: number(seconds, 1) }))),
    h("div", { class: "moments" }, moments.map((time) => h("button", { type: "button", onclick: jump(time) }, t("go_to", { seconds: time })))),
  );
}

/** When the frames lie that the server takes: evenly, so many a second, and no more than so many. */
function looked(seconds) {
  const { video_fps: fps, max_frames: most } = server.facts.limits;
  const step = Math.max(1 / fps, seconds / most);
  const count = Math.min(most, Math.max(1, Math.ceil(seconds / step - 1e-6)));
  return Array.from({ length: count }, (_, i) => i * step);
}

function stills(items) {
  const fps = server.facts.limits.video_fps;
  const rows = items.map((item, i) =>
    h("figure", {}, h("img", { src: item.url, alt: t("frame_n", { number: i + 1 }) }), h("figcaption", { class: "hint" }, t("seconds", { seconds: number(i / fps, 1) }))),
  );
  return h("div", { class: "film" }, h("div", { class: "stills", tabindex: 0, role: "group", "aria-label": t("view_film") }, rows));
}
