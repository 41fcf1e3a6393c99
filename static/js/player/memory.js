// What plays outlives a reload of its tab, held; how loud and fast is kept for the next time.

const TAB_KEY = "player";
const OWN_KEY = "player-taste";

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // A browser that stores nothing still plays.
  }
}

export function connectMemory(player) {
  const taste = read(localStorage, OWN_KEY);
  if (taste) {
    player.volume = taste.volume ?? 1;
    player.speed = taste.speed ?? 1;
  }
  const kept = read(sessionStorage, TAB_KEY);
  if (kept?.tracks?.length) {
    player.open(kept.tracks, kept.id, { atS: kept.timeS, plays: false });
    player.repeats = kept.repeats === true;
  }

  addEventListener("pagehide", () => {
    const { track, tracks, timeS, repeats, volume, speed } = player;
    write(localStorage, OWN_KEY, { volume, speed });
    if (track) write(sessionStorage, TAB_KEY, { tracks, id: track.id, timeS, repeats });
    else sessionStorage.removeItem(TAB_KEY);
  });
  // Whoever signs out leaves nothing for the next person at this browser.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[action$='/logout']")) player.close();
  });
}
