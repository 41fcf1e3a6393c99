// The keys of keyboards and headsets, and what a phone shows on its locked screen.

const STEP_S = 10;

export function connectMediaSession(player) {
  const session = navigator.mediaSession;
  if (!session) return;
  const handlers = {
    play: () => player.toggle(),
    pause: () => player.pause(),
    stop: () => player.pause(),
    previoustrack: () => player.previous(),
    nexttrack: () => player.next(),
    seekbackward: ({ seekOffset }) => player.seek(player.timeS - (seekOffset ?? STEP_S)),
    seekforward: ({ seekOffset }) => player.seek(player.timeS + (seekOffset ?? STEP_S)),
    seekto: ({ seekTime }) => player.seek(seekTime),
  };

  function showTrack() {
    const { track } = player;
    session.metadata = track ? new MediaMetadata({ title: track.title, artist: track.by, album: "Soundloom" }) : null;
    for (const [name, handler] of Object.entries(handlers)) {
      try {
        session.setActionHandler(name, track ? handler : null);
      } catch {
        // A browser need not know every key.
      }
    }
  }

  function showState() {
    session.playbackState = player.track ? (player.isPlaying ? "playing" : "paused") : "none";
    const { timeS: position, lengthS: duration, speed: playbackRate } = player;
    if (!player.track || !duration || position > duration) return;
    session.setPositionState?.({ position, duration, playbackRate });
  }

  player.addEventListener("track", showTrack);
  player.addEventListener("state", showState);
  player.addEventListener("playing", showState);
}
