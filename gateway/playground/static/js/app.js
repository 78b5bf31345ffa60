// Puts the page together.

import { on } from "./bus.js";
import { run, showAnswers } from "./answers.js";
import { fillIn, requests, showComposer } from "./composer.js";
import { $, announce } from "./dom.js";
import { fetchStart, questions } from "./examples.js";
import { fault } from "./fault.js";
import { showHistory } from "./history.js";
import { showKeyDialog } from "./keydialog.js";
import { replaceAll } from "./media.js";
import { showParameters } from "./parameters.js";
import { takeFiles } from "./pick.js";
import { loadCatalogue, loadFacts, server } from "./server.js";
import { showShelf } from "./shelf.js";
import { showStrip } from "./strip.js";
import { choose, showTasks } from "./tasks.js";
import { showTheme } from "./theme.js";
import { language, speak, t, write } from "./words.js";

const RETRY_MS = 2000;

function showLanguage() {
  const draw = () => {
    $("language").textContent = language() === "zh" ? "English" : "中文";
    $("language").lang = language() === "zh" ? "en" : "zh";
  };
  $("language").addEventListener("click", () => speak(language() === "zh" ? "en" : "zh"));
  on("language", draw);
  draw();
}

async function begin(start) {
  choose(start.task);
  await replaceAll([await fetchStart(start)]);
  fillIn({ text: questions(start.task, language())[start.question] });
  submit();
}

function submit() {
  const asked = requests();
  if (asked) run(asked);
}

function again(entry) {
  choose(entry.task);
  fillIn(entry);
  $("question").focus();
  announce(t("history_again_note"));
}

async function load() {
  try {
    if (!server.facts) await loadFacts();
    $("version").textContent = `qwen-vl-gateway ${server.facts.version}`;
    await loadCatalogue();
  } catch (refusal) {
    if (!server.facts || !refusal.status) setTimeout(load, RETRY_MS);
    else $("answers").replaceChildren(fault(refusal, load));
  }
}

write();
showLanguage();
showTheme();
showTasks();
showParameters();
showShelf();
showComposer();
showAnswers(begin);
showHistory();
showKeyDialog();
showStrip();
takeFiles();
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
on("again", again);
on("key", load);
load();
