// What is being said, in the bar and in the text of the page. The browser itself reads the captions and keeps time.

import { ROOT } from "../root.js";

export function connectCaptions(player, audio) {
  const line = document.querySelector("[data-player-caption]");
  let track = null;

  function show() {
    const cue = track?.track.activeCues?.[0];
    const text = cue?.getCueAsHTML().textContent ?? "";
    if (line.textContent !== text) line.textContent = text;
    for (const sentence of document.querySelectorAll("[data-sentence]")) {
      const sound = sentence.closest("[data-captions-of]")?.dataset.captionsOf;
      const isSaid = Boolean(cue) && sound === player.track?.id && sentence.dataset.sentence === cue.id;
      sentence.classList.toggle("is-said", isSaid);
    }
  }

  function load() {
    track?.remove();
    track = null;
    if (player.track?.isSpoken) {
      track = document.createElement("track");
      track.kind = "captions";
      track.src = `${ROOT}/captions/${player.track.id}.vtt`;
      audio.append(track);
      track.track.mode = "hidden";
      track.track.addEventListener("cuechange", show);
    }
    show();
  }

  player.addEventListener("track", load);
  for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
}
