// The same request as code that runs as it stands, next to the files it names.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";
import { base, key } from "./server.js";
import { tabs } from "./tabs.js";
import { t } from "./words.js";

const MIME = { JPEG: "image/jpeg", PNG: "image/png", WEBP: "image/webp", PDF: "application/pdf", MP4: "video/mp4", WEBM: "video/webm" };
const VARIABLE = "QWEN_VL_API_KEY";
/** Options that OpenAI's format has a place for. */
const OPENAI = ["max_tokens", "temperature", "top_p", "seed"];
/** Options of media, which the gateway adds to it. */
const MEDIA = ["preprocess", "truncate_video"];

export function snippets(request) {
  const kinds = [
    { name: "curl", title: "curl", text: curl(request) },
    { name: "python", title: "Python", text: python(request) },
    { name: "node", title: "Node", text: node(request) },
  ];
  let shown = kinds[0];
  const views = kinds.map((kind) => ({
    ...kind,
    draw: () => {
      shown = kind;
      return h("pre", { class: "code", tabindex: 0, "data-code": kind.name }, kind.text);
    },
  }));
  const [strip, pane] = tabs(t("snippets_kinds"), views);
  const row = h("div", { class: "copy-row" }, copyButton(() => shown.text));
  pane.tabIndex = -1;
  return h("details", { class: "snippets" }, h("summary", {}, t("snippets")), strip, pane, row);
}

const path = (request) => `${base}/${request.stream ? "infer_stream" : "infer"}`;
const fields = (request) => [
  ...["text", "system", "model"].filter((name) => request[name]).map((name) => [name, request[name]]),
  ...(Object.keys(request.options).length ? [["options", JSON.stringify(request.options)]] : []),
];

const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text));

export function curl(request) {
  const file = (item) => {
    const name = /[;,"\\]/.test(item.name) ? `"${item.name.replace(/["\\]/g, "\\$&")}"` : item.name;
    return `-F ${shell(`${item.kind === "video" ? "video" : "images"}=@${name}`)}`;
  };
  const lines = [
    `curl -s${request.stream ? "N" : ""} ${shell(path(request))}`,
    ...(key() ? [`-H "Authorization: Bearer $${VARIABLE}"`] : []),
    ...(request.fresh ? ["-H 'Cache-Control: no-cache'"] : []),
    `-F task=${shell(request.task)}`,
    ...request.media.map(file),
    ...fields(request).map(([name, value]) => `--form-string ${shell(`${name}=${value}`)}`),
  ];
  return lines.join(" \\\n  ");
}

export function python(request) {
  const code = JSON.stringify;
  const media = request.media.map((item) => {
    const kind = item.kind === "video" ? "video_url" : "image_url";
    return `            {"type": "${kind}", "${kind}": {"url": data_url(${code(item.name)}, "${MIME[item.format]}")}},`;
  });
  const given = Object.entries(request.options);
  const headers = { ...(request.fresh && { "Cache-Control": "no-cache" }), ...(request.options.allow_degraded === false && { "X-Allow-Degraded": "false" }) };
  const extra = {
    ...(MEDIA.some((name) => name in request.options) && { media: Object.fromEntries(given.filter(([name]) => MEDIA.includes(name))) }),
    ...(request.options.mask_pii && { mask_pii: true }),
  };
  return [
    "import base64",
    "import os",
    "",
    "from openai import OpenAI",
    "",
    "",
    "def data_url(path, kind):",
    '    with open(path, "rb") as file:',
    '        return f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"',
    "",
    "",
    `client = OpenAI(base_url=${code(`${base}/v1`)}, api_key=os.environ.get("${VARIABLE}", "none"))`,
    ...(request.options.pages ? ["# options.pages is of the task API alone, and left out here"] : []),
    "reply = client.chat.completions.create(",
    `    model=${code(`${request.model}:${request.task}`)},`,
    "    messages=[",
    ...(request.system ? [`        {"role": "system", "content": ${code(request.system)}},`] : []),
    '        {"role": "user", "content": [',
    ...media,
    ...(request.text ? [`            {"type": "text", "text": ${code(request.text)}},`] : []),
    "        ]},",
    "    ],",
    ...given.filter(([name]) => OPENAI.includes(name)).map(([name, value]) => `    ${name}=${value},`),
    ...(Object.keys(headers).length ? [`    extra_headers=${code(headers)},`] : []),
    ...(Object.keys(extra).length ? [`    extra_body=${code(extra).replaceAll("true", "True")},`] : []),
    ...(request.stream ? ["    stream=True,", ")", "for chunk in reply:", '    print(chunk.choices[0].delta.content or "", end="", flush=True)'] : [")", "print(reply.choices[0].message.content)"]),
    "",
  ].join("\n");
}

export function node(request) {
  const code = JSON.stringify;
  const media = request.media.map(
    (item) => `form.append("${item.kind === "video" ? "video" : "images"}", new Blob([await readFile(${code(item.name)})]), ${code(item.name)});`,
  );
  const headers = [
    ...(key() ? [`Authorization: \`Bearer \${process.env.${VARIABLE}}\``] : []),
    ...(request.fresh ? ['"Cache-Control": "no-cache"'] : []),
  ];
  return [
    'import { readFile } from "node:fs/promises";',
    "",
    "const form = new FormData();",
    `form.append("task", ${code(request.task)});`,
    ...media,
    ...fields(request).map(([name, value]) => `form.append("${name}", ${code(value)});`),
    `const reply = await fetch(${code(path(request))}, {`,
    '  method: "POST",',
    ...(headers.length ? [`  headers: { ${headers.join(", ")} },`] : []),
    "  body: form,",
    "});",
    ...(request.stream
      ? ["for await (const part of reply.body.pipeThrough(new TextDecoderStream())) {", "  process.stdout.write(part);", "}"]
      : ["console.log(await reply.text());"]),
    "",
  ].join("\n");
}
