// One sound plays at a time, in this tab and in all others.

export function connectOneAtATime(player) {
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("player") : null;

  function hush(except) {
    for (const audio of document.querySelectorAll("audio")) {
      if (audio !== except) audio.pause();
    }
  }

  document.addEventListener(
    "play",
    ({ target }) => {
      if (!(target instanceof HTMLAudioElement)) return;
      hush(target);
      tabs?.postMessage("playing");
    },
    true,
  );
  tabs?.addEventListener("message", () => {
    player.pause();
    hush();
  });
}
