// The way to the gateway: addresses, the key, what it serves, and its refusals.

import { emit } from "./bus.js";
import { passing } from "./keep.js";

/** Where the gateway is, without a slash at the end. */
export const base = new URL(".", location.href).href.replace(/\/$/, "");

/** What the gateway says of itself: `facts` of config.json, `tasks`, names of `models`. */
export const server = { facts: null, tasks: [], models: [] };

export class Refusal extends Error {
  /** `code` is the business code; `0` where no gateway has answered. */
  constructor(message, { code = 0, status = 0, requestId = "", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { code, status, requestId, retryAfter });
  }
}

export const key = () => passing.get("key") ?? "";

export function setKey(value) {
  passing.set("key", value);
  emit("key");
}

/** As `fetch`, with the key. Raises `Refusal` for every reply that is none. */
export async function send(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key()) headers.set("authorization", `Bearer ${key()}`);
  let reply;
  try {
    reply = await fetch(`${base}/${path}`, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("");
  }
  if (!reply.ok) throw await refusal(reply);
  return reply;
}

async function refusal(reply) {
  const about = {
    status: reply.status,
    requestId: reply.headers.get("x-request-id") ?? "",
    retryAfter: Number(reply.headers.get("retry-after")) || 0,
  };
  let body = {};
  try {
    body = await reply.json();
  } catch {
    // not the gateway's own words: something between has answered
  }
  const message = body.msg ?? body.error?.message ?? `HTTP ${reply.status}`;
  const code = body.code ?? (Number(/\(code (\d+)\)$/.exec(message)?.[1]) || 0);
  return new Refusal(message, { ...about, code });
}

const json = async (path) => (await send(path)).json();

export async function loadFacts() {
  server.facts = await json("playground/config.json");
}

/** Raises `Refusal`, such as one that asks for a key. */
export async function loadCatalogue() {
  const [tasks, models] = await Promise.all([json("tasks"), json("v1/models")]);
  server.tasks = tasks.tasks;
  server.models = models.data.map((model) => model.id);
  emit("catalogue");
}

export const taskNamed = (name) => server.tasks.find((task) => task.name === name);
