// Takes what plays in an audio element over to another source, at the same second and without a gap: a second element
// plays the new source while the first one loads it.

const LEAD_S = 0.3; // for a seek to end
const PATIENCE_MS = 10_000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function once(audio, type) {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no ${type}`)), PATIENCE_MS);
    const settle = (act) => (event) => {
      clearTimeout(timer);
      act(event);
    };
    audio.addEventListener(type, settle(done), { once: true });
    audio.addEventListener("error", settle(failed), { once: true });
  });
}

const isHeard = (audio) => !audio.paused && !audio.ended;

/** Begin `to` where `from` is at that moment; false if `from` was held meanwhile. */
async function follow(from, to) {
  const atS = from.currentTime + LEAD_S * from.playbackRate;
  const seeked = once(to, "seeked");
  to.currentTime = atS;
  await seeked;
  const until = performance.now() + 2000 * LEAD_S;
  while (isHeard(from) && from.currentTime < atS && performance.now() < until) {
    await sleep(Math.max(1, Math.min(20, (1000 * (atS - from.currentTime)) / from.playbackRate)));
  }
  if (!isHeard(from)) return false;
  await to.play();
  return true;
}

/** Load a source, held where the sound is. */
async function loadHeld(audio, url, atS) {
  const loaded = once(audio, "canplay");
  audio.src = url;
  await loaded;
  const seeked = once(audio, "seeked");
  audio.currentTime = atS;
  await seeked;
}

/** `began(bridge)` is called with the element that is heard meanwhile, when the first one is about to load. */
export async function changeOver(audio, url, began) {
  const atS = audio.ended ? 0 : audio.currentTime;
  if (!isHeard(audio)) {
    began(null);
    return loadHeld(audio, url, atS);
  }
  const bridge = new Audio(url);
  bridge.volume = audio.volume;
  bridge.muted = audio.muted;
  bridge.defaultPlaybackRate = bridge.playbackRate = audio.playbackRate;
  await once(bridge, "canplay");
  const isFollowed = await follow(audio, bridge);
  began(isFollowed ? bridge : null);
  try {
    await loadHeld(audio, url, isFollowed ? bridge.currentTime : audio.currentTime);
    if (isFollowed) await follow(bridge, audio);
  } finally {
    bridge.pause();
  }
}
