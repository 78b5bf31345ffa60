// Who wants to know of a change: `on("media", redraw)`, `emit("media")`.

const listeners = new Map();

export function on(topic, listener) {
  listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
}

export function emit(topic, ...details) {
  for (const listener of listeners.get(topic) ?? []) listener(...details);
}
