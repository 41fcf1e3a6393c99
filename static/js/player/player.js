// The one sound that plays, whatever page is shown. Says what happens to it by events:
// "track" (another one, or none), "state" (playing or not, repeat, speed, volume), "time", "fault", and "cut": a sound
// that is still being made breaks off.

import { word } from "../words.js";
import { changeOver } from "./change-over.js";
import { PlayQueue } from "./play-queue.js";
import { urlOf } from "./tracks.js";

// A short jump back goes to the beginning, as on every player.
const RESTART_AFTER_S = 3;
const RETRY_MS = [1000, 3000, 8000, 15000];

export class Player extends EventTarget {
  #audio;
  #queue = new PlayQueue();
  #startAt = 0;
  #tries = 0;
  #wantsToPlay = false;
  #bridge = null;

  constructor(audio) {
    super();
    this.#audio = audio;
    for (const type of ["play", "pause", "volumechange", "ratechange"]) {
      audio.addEventListener(type, () => this.#say("state"));
    }
    for (const type of ["timeupdate", "durationchange", "seeked"]) {
      audio.addEventListener(type, () => this.#say("time"));
    }
    audio.addEventListener("playing", () => this.#recovered());
    audio.addEventListener("loadedmetadata", () => this.#arrived());
    audio.addEventListener("ended", () => this.#ended());
    audio.addEventListener("error", () => this.#failed());
    addEventListener("online", () => this.#tries && this.#reload());
  }

  get track() {
    return this.#queue.current;
  }

  get tracks() {
    return this.#queue.tracks;
  }

  get isPlaying() {
    return !(this.#bridge ?? this.#audio).paused;
  }

  get timeS() {
    if (this.#bridge) return this.#bridge.currentTime;
    return this.#audio.readyState ? this.#audio.currentTime : this.#startAt;
  }

  get lengthS() {
    return Number.isFinite(this.#audio.duration) ? this.#audio.duration : (this.track?.lengthS ?? 0);
  }

  get hasNext() {
    return this.#queue.hasNext;
  }

  get hasPrevious() {
    return this.#queue.hasPrevious;
  }

  get repeats() {
    return this.#audio.loop;
  }

  set repeats(value) {
    this.#audio.loop = value;
    this.#say("state");
  }

  get speed() {
    return this.#audio.playbackRate;
  }

  set speed(value) {
    // The default too: a source that is loaded afterwards begins with it.
    this.#audio.defaultPlaybackRate = value;
    this.#audio.playbackRate = value;
  }

  get volume() {
    return this.#audio.volume;
  }

  set volume(value) {
    this.#audio.volume = Math.min(1, Math.max(0, value));
    this.#audio.muted = false;
  }

  get isMuted() {
    return this.#audio.muted || this.#audio.volume === 0;
  }

  set isMuted(value) {
    this.#audio.muted = value;
  }

  /** Load one of these tracks; play it unless told otherwise, from `atS` on. */
  open(tracks, id, { atS = 0, plays = true } = {}) {
    if (!this.#queue.set(tracks, id)) return;
    this.#load(atS, plays);
  }

  toggle() {
    if (!this.track) return;
    if (this.isPlaying) this.pause();
    else this.#play();
  }

  pause() {
    this.#wantsToPlay = false;
    this.#bridge?.pause();
    this.#audio.pause();
  }

  seek(seconds) {
    // What is still being made comes in one piece, from its beginning.
    if (this.track?.isLive || this.#bridge) return;
    const to = Math.min(Math.max(0, seconds), this.lengthS);
    if (this.#audio.readyState) this.#audio.currentTime = to;
    else this.#startAt = to;
    this.#say("time");
  }

  next() {
    if (!this.hasNext) return;
    this.#queue.next();
    this.#load(0, true);
  }

  previous() {
    if (this.timeS > RESTART_AFTER_S || !this.hasPrevious) return this.seek(0);
    this.#queue.previous();
    this.#load(0, true);
  }

  close() {
    this.pause();
    this.#queue.clear();
    this.#audio.removeAttribute("src");
    this.#audio.load();
    this.#say("track");
  }

  /** Go over from a sound that was being made to its file, where it is; `makeTrack` is called once it is there. */
  async finish(makeTrack) {
    const live = this.track;
    try {
      await changeOver(this.#audio, urlOf(makeTrack()), (bridge) => {
        if (this.track !== live) throw new Error("another sound plays by now");
        this.#bridge = bridge;
        this.#queue.replace(makeTrack());
        this.#say("track");
      });
    } catch {
      if (this.track === live) this.#queue.replace(makeTrack());
      if (this.track?.id === makeTrack().id) this.#load(0, this.#wantsToPlay);
    } finally {
      this.#bridge = null;
      this.#say("state");
      this.#say("time");
    }
  }

  /** Open a sound that is still being made once more, from its beginning. */
  reopen(why) {
    this.#say("fault", why);
    this.#load(0, this.#wantsToPlay);
  }

  #load(atS, plays) {
    this.#bridge?.pause();
    this.#startAt = this.track.isLive ? 0 : atS;
    this.#tries = 0;
    this.#audio.src = urlOf(this.track);
    this.#say("track");
    this.#say("time");
    if (plays) this.#play();
  }

  #play() {
    this.#wantsToPlay = true;
    // Refused without a click before it, or replaced by another one meanwhile; a fault has its own event.
    this.#audio.play().catch(() => this.#say("state"));
  }

  #arrived() {
    if (this.#startAt) this.#audio.currentTime = this.#startAt;
    this.#startAt = 0;
  }

  #ended() {
    if (this.track?.isLive) return this.#say("cut");
    if (this.hasNext) this.next();
    else this.#wantsToPlay = false;
  }

  // A lost connection ends a sound with an error; it goes on where it was when there is one again.
  #failed() {
    if (!this.track || !this.#audio.hasAttribute("src") || this.#bridge) return;
    if (this.track.isLive) return this.#say("cut");
    if (this.#audio.error?.code === MediaError.MEDIA_ERR_DECODE || this.#tries >= RETRY_MS.length) {
      this.#say("fault", word("cannotPlay"));
      return;
    }
    this.#startAt = this.#audio.currentTime || this.#startAt;
    const id = this.track.id;
    setTimeout(() => this.track?.id === id && this.#reload(), RETRY_MS[this.#tries]);
    this.#tries += 1;
    this.#say("fault", word("notArriving"));
  }

  #reload() {
    if (!this.#audio.error) return;
    this.#audio.load();
    if (this.#wantsToPlay) this.#play();
  }

  #recovered() {
    this.#tries = 0;
    this.#say("fault", "");
    this.#say("playing");
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
