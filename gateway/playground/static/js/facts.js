// What happened on the way to an answer.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";
import { laneOf } from "./parameters.js";
import { maybe, number, t } from "./words.js";

const ms = (value) => t("ms", { ms: number(Math.round(value)) });

export function facts(run) {
  const about = run.reply?.metadata ?? {};
  const rows = [
    ["fact_model", about.model],
    ["fact_tokens", about.input_tokens !== undefined && t("tokens_of", { input: number(about.input_tokens), output: number(about.output_tokens) })],
    ["fact_speed", speed(run, about)],
    ["fact_confidence", confidence(run.reply?.confidence)],
    ["fact_cost", cost(about.cost)],
    ["fact_first", run.first && ms(run.first - run.began)],
    ["fact_total", total(run, about)],
    ["fact_cache", cache(run.notes)],
    ["fact_lane", run.reply && (maybe(`lane_${laneOf(run.request)}`) ?? laneOf(run.request))],
    ["fact_queue", run.notes.queueMs && ms(Number(run.notes.queueMs))],
    ["fact_experts", about.activated_experts && [number(about.activated_experts), " ", h("small", {}, t(`experts_${about.activated_experts_source}`))]],
    ["fact_finish", about.finish_reason && (maybe(`finish_${about.finish_reason}`) ?? about.finish_reason)],
  ];
  const cells = rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value)));
  return h("dl", { class: "facts" }, cells, requestId(run));
}

function speed(run, { output_tokens: tokens }) {
  if (!run.first || !tokens || tokens < 2 || run.notes.cache === "hit") return null;
  const seconds = Math.max(1, run.ended - run.first) / 1000;
  return t("speed_of", { speed: number((tokens - 1) / seconds) });
}

function confidence(value) {
  if (value === null || value === undefined) return null;
  const words = `${number(value * 100, 1)} %`;
  return [words, h("div", { class: "bar", "aria-hidden": "true" }, h("i", { style: { width: `${value * 100}%` } }))];
}

function cost(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? `${number(value.amount, 6)} ${value.currency ?? ""}` : number(value, 6);
}

function total(run, about) {
  if (!run.ended) return null;
  const server = about.processing_time_ms;
  return [ms(run.ended - run.began), server === undefined ? null : h("div", {}, h("small", {}, `${ms(server)} ${t("fact_server")}`))];
}

const cache = ({ cache: use, age }) => use && t(`cache_${use}`, { age: number(Number(age ?? 0)) });

function requestId(run) {
  const id = run.reply?.request_id ?? run.fault?.requestId ?? run.notes.requestId;
  if (!id) return null;
  return h("div", { class: "wide" }, h("dt", {}, t("fact_id")), h("dd", {}, h("code", {}, id), copyButton(() => id)));
}
