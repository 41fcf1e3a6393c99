// The sounds of the page that is shown: their play buttons, waveforms and times, and lists that play as a whole.

import { word } from "../words.js";
import { clockTime } from "./clock.js";
import { shuffled, tracksAround } from "./tracks.js";

export function connectPage(player) {
  const opened = (element) => element.closest("[data-sound]");
  const loopOf = (sound) => sound.querySelector("[data-loop]");
  const isCurrent = (sound) => Boolean(sound) && sound.dataset.sound === player.track?.id;
  let repeatsForCard = false;

  function show() {
    for (const button of document.querySelectorAll("[data-play]")) {
      const sound = opened(button);
      const isPlaying = isCurrent(sound) && player.isPlaying;
      sound?.classList.toggle("is-current", isCurrent(sound));
      button.classList.toggle("is-playing", isPlaying);
      const label = word(isPlaying ? "pauseTitle" : "playTitle", { title: sound?.dataset.title ?? "" });
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
      if (isCurrent(sound) && loopOf(sound)) loopOf(sound).checked = player.repeats;
    }
    showTime();
  }

  function showTime() {
    for (const seek of document.querySelectorAll("[data-sound-seek], .sound-card-play")) {
      const isHere = isCurrent(opened(seek));
      const [timeS, lengthS] = isHere ? [player.timeS, player.lengthS] : [0, 0];
      const share = lengthS ? timeS / lengthS : 0;
      if (isHere || seek.style.length) seek.style.setProperty("--played", `${100 * share}%`);
      const input = seek.querySelector("input");
      if (input) input.value = timeS;
    }
    for (const time of document.querySelectorAll("[data-sound-time]")) {
      const sound = opened(time);
      const text = clockTime(isCurrent(sound) ? player.timeS : Number(sound.dataset.length));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // A card says whether its sound repeats; that ends with it.
  function open(sound, tracks = tracksAround(sound), { id = sound.dataset.sound, atS = 0 } = {}) {
    const loop = loopOf(sound)?.checked;
    player.open(tracks, id, { atS });
    if (loop !== undefined) player.repeats = loop;
    else if (repeatsForCard) player.repeats = false;
    repeatsForCard = loop ?? false;
  }

  // Takes of one request are compared: the next one goes on at the moment at which the last one is.
  function momentIn(sound) {
    const takes = sound.closest("[data-takes]");
    const isCompared = [...(takes?.querySelectorAll("[data-sound]") ?? [])].some(isCurrent);
    return isCompared && player.timeS < player.lengthS ? player.timeS : 0;
  }

  function playList(selector, order) {
    const first = document.querySelector(`${selector} [data-sound]`);
    if (!first) return;
    const tracks = order(tracksAround(first));
    open(first, tracks, { id: tracks[0].id });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play]");
    const sound = button && opened(button);
    if (!sound) return;
    if (isCurrent(sound)) player.toggle();
    else open(sound, undefined, { atS: momentIn(sound) });
  });
  document.addEventListener("click", ({ target }) => {
    const { playAll, shuffle } = target.closest("[data-play-all], [data-shuffle]")?.dataset ?? {};
    if (playAll) playList(playAll, (tracks) => tracks);
    if (shuffle) playList(shuffle, shuffled);
  });
  document.addEventListener("input", (event) => {
    const seek = event.target.closest("[data-sound-seek]");
    const sound = seek && opened(seek);
    if (!sound) return;
    const atS = Number(event.target.value);
    if (isCurrent(sound)) player.seek(atS);
    else open(sound, undefined, { atS });
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-loop]") || !isCurrent(opened(target))) return;
    player.repeats = target.checked;
    repeatsForCard = target.checked;
  });
  for (const type of ["track", "state"]) player.addEventListener(type, show);
  player.addEventListener("time", showTime);
  for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
  show();
}
