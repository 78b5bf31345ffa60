// Looks at the chosen files before anything is sent, by the server's own limits and codes.

import { server, taskNamed } from "./server.js";
import { maybe, number, t } from "./words.js";

const MEGA = 1e6;

/**
 * What the server would refuse: `[{code, text, item, task}]`. `item` is the id of the file at fault, `task`
 * one that would take it.
 */
export function check(request) {
  const single = request.media.flatMap((item) => checkOne(item, request));
  return [...single, ...checkTogether(request.media), ...checkTask(request)];
}

function checkOne(item, { options }) {
  const limits = server.facts.limits;
  const problem = (code, name, blanks) => [
    { code: server.facts.refusals[code], text: t(name, { name: item.name, ...blanks }), item: item.id },
  ];
  if (item.kind === null) {
    const code = item.file.type.startsWith("video/") ? "video_format" : "image_format";
    return problem(code, "problem_format", { what: maybe(`what.${item.format}`) ?? item.format });
  }
  const most = { image: limits.max_image_mb, video: limits.max_video_mb, document: limits.max_pdf_mb }[item.kind];
  if (item.file.size > most * MEGA) return problem("too_large", "problem_large", { limit: number(most) });
  const [long, short] = [Math.max(item.width, item.height), Math.min(item.width, item.height)];
  if (long * short > limits.max_pixels_m * MEGA) {
    return problem("too_large", "problem_pixels", { limit: number(limits.max_pixels_m) });
  }
  if (item.kind === "image" && long > short * limits.longest_shape) {
    return problem("image_format", "problem_shape", { limit: number(limits.longest_shape) });
  }
  if (item.seconds > limits.max_video_s + limits.video_tolerance_s && !options.truncate_video) {
    return problem("video_too_long", "problem_long", { limit: number(limits.max_video_s) });
  }
  return [];
}

function checkTogether(media) {
  const limits = server.facts.limits;
  const found = [];
  const problem = (name, limit) =>
    found.push({ code: server.facts.refusals.too_large, text: t(name, { limit: number(limit) }) });
  const bytes = media.reduce((sum, item) => sum + item.file.size, 0);
  const images = media.filter((item) => item.kind === "image" && item.width);
  const pixels = images.reduce((sum, item) => sum + item.width * item.height, 0);
  const most = Math.min(limits.max_request_mb, limits.max_body_mb);
  if (media.length > limits.max_items) problem("problem_many", limits.max_items);
  if (bytes > most * MEGA) problem("problem_together", most);
  if (pixels > limits.max_request_pixels_m * MEGA) problem("problem_pixels_together", limits.max_request_pixels_m);
  return found;
}

/** What the task itself asks for; a missing question or picture counts only when the request is sent. */
function checkTask({ task: name, media, text, sending }) {
  const task = taskNamed(name);
  const code = server.facts.refusals.invalid_request;
  const count = (kind) => media.filter((item) => item.kind === kind).length;
  const found = [];
  const problem = (words, blanks, more) => found.push({ code, text: t(words, blanks), ...more });
  const document = media.find((item) => item.kind === "document");
  if (document && !task.takes_documents) {
    const reader = server.tasks.find((other) => other.takes_documents)?.name;
    problem("problem_document", { name: document.name }, { item: document.id, task: reader });
  } else if (document && media.length > 1) {
    problem("problem_alone", {}, { item: document.id });
  }
  const { min_items: least, max_images: images, max_videos: videos } = task.limits;
  if (count("image") > images) problem("problem_images", { limit: images });
  if (count("video") > videos) {
    const film = server.tasks.find((other) => other.limits.max_videos >= count("video"))?.name;
    problem(videos ? "problem_videos" : "problem_no_video", { limit: videos }, { task: film });
  }
  if (sending && media.length < least) problem(least > 1 ? "problem_few_images" : "problem_few", { limit: least });
  if (sending && task.needs_text && !text.trim()) problem("problem_question", {}, { question: true });
  return found;
}

/** What to do about a code, in the reader's language. */
export function advice(code) {
  return maybe(`advice.${code}`) ?? server.facts.codes[code]?.advice ?? "";
}
