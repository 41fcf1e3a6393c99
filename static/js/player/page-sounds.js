// The sounds of the page that is shown: their play buttons, and the waveform of a sound's own page.

import { tracksAround } from "./tracks.js";

export function connectPage(player) {
  const opened = (element) => element.closest("[data-sound]");

  function show() {
    for (const button of document.querySelectorAll("[data-play]")) {
      const sound = opened(button);
      const isCurrent = sound?.dataset.sound === player.track?.id;
      const isPlaying = isCurrent && player.isPlaying;
      sound?.classList.toggle("is-current", isCurrent);
      button.classList.toggle("is-playing", isPlaying);
      const label = `${isPlaying ? "Pause" : "Play"} ${sound?.dataset.title ?? ""}`;
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    }
    showTime();
  }

  function showTime() {
    for (const seek of document.querySelectorAll("[data-sound-seek], .sound-card-play")) {
      const isCurrent = opened(seek)?.dataset.sound === player.track?.id;
      const [timeS, lengthS] = isCurrent ? [player.timeS, player.lengthS] : [0, 0];
      const share = lengthS ? timeS / lengthS : 0;
      if (isCurrent || seek.style.length) seek.style.setProperty("--played", `${100 * share}%`);
      const input = seek.querySelector("input");
      if (input) input.value = timeS;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play]");
    const sound = button && opened(button);
    if (sound) player.toggleTrack(tracksAround(sound), sound.dataset.sound);
  });
  document.addEventListener("click", (event) => {
    const list = event.target.closest("[data-play-all]")?.dataset.playAll;
    const first = list && document.querySelector(`${list} [data-sound]`);
    if (first) player.open(tracksAround(first), first.dataset.sound);
  });
  document.addEventListener("input", (event) => {
    const seek = event.target.closest("[data-sound-seek]");
    const sound = seek && opened(seek);
    if (!sound) return;
    const atS = Number(event.target.value);
    if (sound.dataset.sound === player.track?.id) player.seek(atS);
    else player.open(tracksAround(sound), sound.dataset.sound, { atS });
  });
  for (const type of ["track", "state"]) player.addEventListener(type, show);
  player.addEventListener("time", showTime);
  for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
  show();
}
