// Tells the server that a sound is heard; it counts once a minute and listener.

import { ROOT } from "../root.js";

export function connectPlays(player) {
  let told = null;

  function tell(id) {
    fetch(`${ROOT}/sounds/${id}/play`, { method: "POST", keepalive: true }).catch(() => {
      // Offline: a play that nobody could count.
    });
  }

  player.addEventListener("playing", () => {
    if (told === player.track.id || player.track.isLive) return;
    told = player.track.id;
    tell(told);
  });
  player.addEventListener("track", () => {
    told = null;
  });
  document.addEventListener(
    "play",
    (event) => {
      const sound = event.target.closest?.("#page [data-sound]");
      if (sound && event.target.currentTime < 1) tell(sound.dataset.sound);
    },
    true,
  );
}
