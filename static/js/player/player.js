// The one sound that plays, whatever page is shown. Says what happens to it by events:
// "track" (another one, or none), "state" (playing or not, repeat, speed, volume), "time", "fault".

import { word } from "../words.js";
import { PlayQueue } from "./play-queue.js";
import { soundUrl } from "./tracks.js";

// A short jump back goes to the beginning, as on every player.
const RESTART_AFTER_S = 3;
const RETRY_MS = [1000, 3000, 8000, 15000];

export class Player extends EventTarget {
  #audio;
  #queue = new PlayQueue();
  #startAt = 0;
  #tries = 0;
  #wantsToPlay = false;

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
    return !this.#audio.paused;
  }

  get timeS() {
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
    this.#audio.pause();
  }

  seek(seconds) {
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

  #load(atS, plays) {
    this.#startAt = atS;
    this.#tries = 0;
    this.#audio.src = soundUrl(this.track.id);
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
    if (this.hasNext) this.next();
    else this.#wantsToPlay = false;
  }

  // A lost connection ends a sound with an error; it goes on where it was when there is one again.
  #failed() {
    if (!this.track || !this.#audio.hasAttribute("src")) return;
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
