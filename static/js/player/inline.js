// Sounds with a player of their own inside the page, as on the cards of one's jobs: one plays at a time, its
// waveform follows, and the bar takes over what plays when its page is left.

import { trackOf } from "./tracks.js";

export function connectInline(player) {
  const box = (audio) => audio.closest("[data-player]");

  function show(audio) {
    if (audio.duration) box(audio)?.style.setProperty("--played", `${(100 * audio.currentTime) / audio.duration}%`);
  }

  function follow(audio) {
    show(audio);
    if (!audio.paused && audio.isConnected) requestAnimationFrame(() => follow(audio));
  }

  function onMedia(event) {
    const audio = event.target;
    if (!(audio instanceof HTMLAudioElement)) return;
    if (event.type === "play") {
      for (const other of document.querySelectorAll("audio")) {
        if (other !== audio) other.pause();
      }
    }
    if (!box(audio)) return;
    if (event.type === "play") follow(audio);
    else show(audio);
  }

  for (const type of ["play", "pause", "seeked", "ended"]) document.addEventListener(type, onMedia, true);

  document.addEventListener("click", (event) => {
    const wave = event.target.closest("[data-player] .wave");
    const audio = wave && box(wave).querySelector("audio");
    if (!audio?.duration) return;
    const area = wave.getBoundingClientRect();
    audio.currentTime = (audio.duration * (event.clientX - area.left)) / area.width;
    audio.play();
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-loop]")) return;
    box(event.target).querySelector("audio").loop = event.target.checked;
  });

  function revealLoopControls() {
    for (const control of document.querySelectorAll("[data-loop-control][hidden]")) control.hidden = false;
  }

  document.addEventListener("page:left", () => {
    const audio = [...document.querySelectorAll("#page audio")].find((one) => !one.paused);
    const sound = audio?.closest("[data-sound]");
    if (!sound) return;
    const track = trackOf(sound);
    const repeats = audio.loop;
    audio.pause();
    player.open([track], track.id, { atS: audio.currentTime });
    player.repeats = repeats;
  });

  for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, revealLoopControls);
  revealLoopControls();
}
