// The melody of a request: hummed into the microphone, chosen, or dropped; trimmed, and sent to the server.

import { word } from "../words.js";
import { Recorder } from "./recorder.js";
import { Trimmer } from "./trimmer.js";
import { wavOf } from "./wav.js";

const recorder = new Recorder();
const trimmers = new WeakMap();
let chosen = null;
let isRecorded = false;

const place = () => document.querySelector("[data-melody]");
const part = (name) => place().querySelector(`[data-melody-${name}]`);

function say(text, isWrong = false) {
  const status = part("status");
  status.textContent = text;
  status.classList.toggle("field-error", isWrong);
}

function trimmer() {
  const root = part("edit");
  if (!trimmers.has(root)) trimmers.set(root, new Trimmer(root));
  return trimmers.get(root);
}

async function decoded(file) {
  const context = new AudioContext();
  try {
    return await context.decodeAudioData(await file.arrayBuffer());
  } finally {
    context.close();
  }
}

async function take(file, { recorded = false } = {}) {
  chosen = file;
  isRecorded = recorded;
  part("field").value = "";
  const buffer = await decoded(file).catch(() => null);
  part("edit").hidden = buffer === null;
  if (buffer) {
    trimmer().show(buffer);
    say(word("melodyReady"));
  } else {
    // A browser need not know what the server can read.
    await send(file);
  }
}

async function send(body) {
  say(word("melodySending"));
  const answer = await fetch(place().dataset.melody, {
    method: "POST",
    body,
    headers: { Accept: "application/json", "Content-Type": "application/octet-stream" },
  }).catch(() => null);
  const told = await answer?.json().catch(() => null);
  if (!answer?.ok || !told) {
    say(told?.detail ?? word("melodyNotSent"), true);
    return;
  }
  part("field").value = told.upload_id;
  part("edit").hidden = true;
  part("remove").hidden = false;
  say(word("melodyUsed", { seconds: told.duration.toFixed(1) }));
  part("remove").focus();
}

function use() {
  const shown = trimmer();
  send(isRecorded || shown.isTrimmed ? wavOf(shown.buffer, shown.fromS, shown.toS) : chosen);
}

async function record() {
  if (recorder.isRecording) {
    recorder.stop();
    return;
  }
  const [button, meter] = [part("record"), part("level")];
  try {
    const recording = recorder.record((level) => {
      meter.value = level;
    });
    button.setAttribute("aria-pressed", "true");
    meter.hidden = false;
    say(word("melodyRecording"));
    await take(await recording, { recorded: true });
  } catch {
    say(word("melodyNoMicrophone"), true);
  } finally {
    button.setAttribute("aria-pressed", "false");
    meter.hidden = true;
  }
}

function remove() {
  chosen = null;
  part("field").value = "";
  part("edit").hidden = true;
  part("remove").hidden = true;
  say("");
  part("record").focus();
}

const ACTIONS = { record, use, remove, listen: () => trimmer().play() };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-melody] [data-melody-do]");
  if (button) ACTIONS[button.dataset.melodyDo]();
});

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-melody-file]") || !target.files.length) return;
  take(target.files[0]);
  target.value = "";
});

for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    const zone = event.target.closest?.("[data-melody-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("is-over", type === "dragover");
    if (type === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}

// Without script there is nothing that could be sent.
function reveal() {
  const found = place();
  if (!found) return;
  found.hidden = false;
  part("record").hidden = !navigator.mediaDevices?.getUserMedia;
}

for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, reveal);
reveal();
