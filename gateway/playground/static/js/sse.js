// Server-sent events of a reply to a POST; `EventSource` can only GET.

/** Yields `{event, data}` with `data` parsed as JSON. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += value;
      const frames = waiting.split("\n\n");
      waiting = frames.pop();
      yield* frames.map(parse).filter((frame) => frame.data !== null);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(frame) {
  let event = "message";
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trimStart();
  }
  return { event, data: data ? JSON.parse(data) : null };
}
