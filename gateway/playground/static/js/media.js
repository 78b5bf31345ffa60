// The chosen files: what they are, how large, and a small picture of each.

import { emit } from "./bus.js";
import { kindOf, sniff } from "./sniff.js";

/** In order. Each is `{id, file, name, format, kind, url, thumb, width, height, seconds}`. */
export const media = [];

let count = 0;
const PATIENCE_MS = 4000;

export async function add(files) {
  const items = await Promise.all([...files].map(read));
  media.push(...items);
  emit("media");
  return items;
}

export function remove(id) {
  media.splice(place(id), 1);
  emit("media");
}

/** Puts an item at another place; says where it is then, from 1. */
export function move(id, to) {
  const [item] = media.splice(place(id), 1);
  media.splice(to, 0, item);
  emit("media");
  return media.indexOf(item) + 1;
}

export async function replaceAll(files) {
  media.length = 0;
  return add(files);
}

const place = (id) => media.findIndex((item) => item.id === id);

async function read(file) {
  const format = await sniff(file);
  const item = { id: ++count, file, name: file.name || "image.png", format, kind: kindOf(format) };
  item.url = URL.createObjectURL(file);
  if (item.kind === "image") await readImage(item);
  if (item.kind === "video") await readVideo(item);
  return item;
}

/** A picture that the browser cannot show is left to the server to judge. */
async function readImage(item) {
  const image = new Image();
  image.src = item.url;
  try {
    await image.decode();
  } catch {
    return;
  }
  item.width = image.naturalWidth;
  item.height = image.naturalHeight;
  item.thumb = shrink(image, item.width, item.height);
}

async function readVideo(item) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.src = item.url;
  if (!(await happens(video, "loadeddata"))) return;
  item.seconds = video.duration;
  item.width = video.videoWidth;
  item.height = video.videoHeight;
  item.thumb = shrink(video, item.width, item.height);
  video.removeAttribute("src");
}

function happens(target, event) {
  return new Promise((resolve) => {
    target.addEventListener(event, () => resolve(true), { once: true });
    target.addEventListener("error", () => resolve(false), { once: true });
    setTimeout(resolve, PATIENCE_MS, false);
  });
}

/** A data URL of a few kB: all that the history keeps of a picture. */
function shrink(source, width, height, side = 160) {
  if (!width || !height) return undefined;
  const factor = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * factor));
  canvas.height = Math.max(1, Math.round(height * factor));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.7);
}
