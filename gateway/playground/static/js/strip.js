// Whether the server is ready, and live figures for those who may see them.

import { on } from "./bus.js";
import { $, h } from "./dom.js";
import { send } from "./server.js";
import { number, t } from "./words.js";

const EVERY_MS = 2000;
const WINDOW_S = 10;
const CLOSED = [401, 403, 404];

let closed = false;
let samples = [];
let state = "unknown";

export function showStrip() {
  on("key", () => {
    closed = false;
  });
  on("language", draw);
  const tick = async () => {
    if (!document.hidden) await look();
    setTimeout(tick, EVERY_MS);
  };
  tick();
}

async function look() {
  try {
    if (closed) await (await send("ready")).json();
    else take(await (await send("playground/status")).json());
    if (closed) state = "ready";
  } catch (refusal) {
    if (!closed && CLOSED.includes(refusal.status)) {
      closed = true;
      samples = [];
      return look();
    }
    state = refusal.status === 503 ? "loading" : "down";
  }
  draw();
}

function take(sample) {
  samples = [...samples.filter((old) => old.clock <= sample.clock && sample.clock - old.clock <= WINDOW_S), sample];
  state = sample.ready ? "ready" : "loading";
}

function draw() {
  const mark = $("readiness");
  mark.dataset.state = state;
  mark.lastElementChild.textContent = state === "unknown" ? "" : t(`state_${state}`);
  $("strip").hidden = closed || !samples.length;
  if (!$("strip").hidden) $("strip").replaceChildren(h("dl", {}, figures().map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function figures() {
  const [first, last] = [samples[0], samples.at(-1)];
  const seconds = last.clock - first.clock;
  const rate = seconds > 0 ? (last.requests - first.requests) / seconds : 0;
  const { hits, lookups } = last.cache;
  return [
    [t("strip_rate"), number(rate, 1)],
    [t("strip_cache"), lookups ? `${number((100 * hits) / lookups)} %` : t("strip_none")],
    [t("strip_running"), number(last.running)],
    ...Object.entries(last.queue_depth).map(([lane, depth]) => [`${t("strip_queue")} · ${t(`lane_${lane}`)}`, number(depth)]),
  ];
}
