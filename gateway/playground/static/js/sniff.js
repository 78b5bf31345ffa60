// What a file is by its first bytes, with the server's own table of signatures.

import { server } from "./server.js";

const BLANK = new Set([0xef, 0xbb, 0xbf, 13, 10, 9, 32]);
const HEAD = 64;

/** The server's name for the format, or its words for a foreign one ("a GIF"). */
export async function sniff(file) {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const found = server.facts.signatures.find((signature) => matches(head, signature));
  return found?.name ?? server.facts.unknown_format;
}

function matches(head, { parts, after_blank: afterBlank }) {
  let from = 0;
  while (afterBlank && BLANK.has(head[from])) from += 1;
  return parts.every(([at, hex]) => bytes(hex).every((byte, i) => head[from + at + i] === byte));
}

const bytes = (hex) => hex.match(/../g).map((pair) => parseInt(pair, 16));

/** `image`, `video` or `document`; `null` for what is not taken. */
export function kindOf(format) {
  const kinds = Object.entries(server.facts.formats);
  return kinds.find(([, formats]) => formats.includes(format))?.[0] ?? null;
}
