// Audio elements of the page itself: a voice's sample has a button, and a card's sound one that plays where there is no
// script. What plays in one when its page is left goes on in the bar.

import { trackOf } from "./tracks.js";

export function connectInline(player) {
  const audioOf = (button) => document.getElementById(button.dataset.playInline);

  function show() {
    for (const button of document.querySelectorAll("[data-play-inline]")) {
      button.classList.toggle("is-playing", audioOf(button)?.paused === false);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play-inline]");
    const audio = button && audioOf(button);
    if (!audio) return;
    if (audio.paused) audio.play().catch(show);
    else audio.pause();
  });
  for (const type of ["play", "pause", "ended", "emptied"]) document.addEventListener(type, show, true);

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
}
