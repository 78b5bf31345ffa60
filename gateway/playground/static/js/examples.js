// Questions to try, and pictures that come with the page.

import { base } from "./server.js";

const SHAPES = {
  en: ["What color is the circle?", "How many shapes are there?", "Which shape is leftmost?"],
  zh: ["圆形是什么颜色？", "图中有几个形状？", "最左边是什么形状？"],
};
const QUESTIONS = {
  vqa: SHAPES,
  captioning: { en: ["Describe this image in one sentence."], zh: ["请用一句话描述这张图片。"] },
  chart_parse: { en: ["Extract the data of this chart."], zh: ["请提取这张图表的数据。"] },
  video_qa: {
    en: ["Which way does the shape move?", "Describe what happens in this video."],
    zh: ["图形向哪个方向移动？", "请描述视频中发生了什么。"],
  },
  doc_analyze: {
    en: ["Read the text on every page.", "What is the total, and on which page?"],
    zh: ["请识读每一页的文字。", "总额是多少，在第几页？"],
  },
  ocr: { en: ["Read the text in this image."], zh: ["请识读图中的文字。"] },
  grounding: { en: ["Locate every object.", "Find the circle."], zh: ["请定位所有物体。", "找出圆形。"] },
  gui_action: { en: ["Open the settings.", "Log in as anna."], zh: ["打开设置。", "以 anna 登录。"] },
  html: { en: ["Write this page as HTML."], zh: ["请把这个页面写成 HTML。"] },
};

export const questions = (task, language) => QUESTIONS[task]?.[language] ?? [];

/** Whole requests: a file, its task and its question. */
export const STARTS = [
  { file: "shapes.png", type: "image/png", task: "vqa", question: 0 },
  { file: "chart.png", type: "image/png", task: "chart_parse", question: 0 },
  { file: "page.png", type: "image/png", task: "doc_analyze", question: 0 },
  { file: "motion.mp4", type: "video/mp4", task: "video_qa", question: 0 },
];

export const address = (start) => `${base}/playground/examples/${start.file}`;

export async function fetchStart(start) {
  const reply = await fetch(address(start));
  return new File([await reply.blob()], start.file, { type: start.type });
}
