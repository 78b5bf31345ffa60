// One request and everything that comes back, with the times as this browser saw them.

import { events } from "./sse.js";
import { Refusal, send } from "./server.js";

/**
 * Asks, and calls `changed(run, what)` at every step; `what` is `token`, `thought`, `progress` or `state`.
 *
 * A request is `{task, text, model, system, options, stream, fresh, media}`. The run's `state` is `asking`, then
 * `answering`, then `done`, `stopped` or `failed`; `reply` holds the final envelope, `fault` a `Refusal`.
 */
export function ask(request, changed) {
  const control = new AbortController();
  const run = {
    request,
    state: "asking",
    text: "",
    thoughts: "",
    pages: [],
    total: 0,
    reply: null,
    fault: null,
    notes: {},
    began: performance.now(),
    first: null,
    ended: null,
    stop: () => control.abort(),
  };
  run.finished = work(run, control.signal, changed);
  return run;
}

async function work(run, signal, changed) {
  try {
    const reply = await send(run.request.stream ? "infer_stream" : "infer", {
      method: "POST",
      body: form(run.request),
      headers: run.request.fresh ? { "cache-control": "no-cache" } : {},
      signal,
    });
    run.notes = notes(reply.headers);
    await (run.request.stream ? stream(run, reply, changed) : whole(run, reply));
    run.state = "done";
  } catch (error) {
    run.state = error.name === "AbortError" ? "stopped" : "failed";
    run.fault = run.state === "stopped" ? null : asRefusal(error);
  }
  run.ended = performance.now();
  changed(run, "state");
}

/** The request as a form: files go as they are. */
export function form(request) {
  const body = new FormData();
  body.set("task", request.task);
  for (const item of request.media) {
    body.append(item.kind === "video" ? "video" : "images", item.file, item.name);
  }
  for (const name of ["text", "system", "model"]) if (request[name]) body.set(name, request[name]);
  if (Object.keys(request.options).length) body.set("options", JSON.stringify(request.options));
  return body;
}

const notes = (headers) => ({
  requestId: headers.get("x-request-id"),
  cache: headers.get("x-cache"),
  age: headers.get("age"),
  queueMs: headers.get("x-queue-ms"),
});

async function whole(run, reply) {
  const { result, ...head } = await reply.json();
  run.reply = { ...head, ...result };
  run.text = result.answer;
  run.thoughts = result.reasoning ?? "";
  run.pages = result.pages ?? [];
}

async function stream(run, reply, changed) {
  for await (const { event, data } of events(reply.body)) {
    if (event === "token") take(run, "text", data.token, changed);
    else if (event === "reasoning") take(run, "thoughts", data.token, changed);
    else if (event === "progress") turn(run, data, changed);
    else if (event === "error") throw new Refusal(data.msg, { code: data.code, requestId: data.request_id });
    else if (event === "final") run.reply = data;
  }
  if (!run.reply) throw new Refusal("cut");
  run.text = run.reply.answer;
  run.pages = run.reply.pages ?? run.pages;
}

function take(run, voice, token, changed) {
  run.first ??= performance.now();
  run[voice] += token;
  if (run.state === "asking") {
    run.state = "answering";
    changed(run, "state");
  }
  changed(run, voice === "text" ? "token" : "thought", token);
}

function turn(run, { done, total, page, answer }, changed) {
  run.total = total;
  run.done = done;
  run.pages = [...run.pages, { page, answer }].sort((one, other) => one.page - other.page);
  changed(run, "progress");
}

function asRefusal(error) {
  if (error instanceof Refusal) return error;
  console.error(error);
  return new Refusal("cut");
}
