// What plays, and what comes before and after it. Plain values: knows no page and no sound.

export class PlayQueue {
  #tracks = [];
  #index = -1;

  get current() {
    return this.#tracks[this.#index] ?? null;
  }

  get tracks() {
    return this.#tracks;
  }

  get hasNext() {
    return this.#index + 1 < this.#tracks.length;
  }

  get hasPrevious() {
    return this.#index > 0;
  }

  /** Take a list over, at the track with this id. A list without it is no list of it. */
  set(tracks, id) {
    const index = tracks.findIndex((track) => track.id === id);
    if (index < 0) return null;
    this.#tracks = tracks;
    this.#index = index;
    return this.current;
  }

  /** Put another track in the place of the current one. */
  replace(track) {
    this.#tracks = this.#tracks.with(this.#index, track);
  }

  next() {
    if (this.hasNext) this.#index += 1;
    return this.current;
  }

  previous() {
    if (this.hasPrevious) this.#index -= 1;
    return this.current;
  }

  clear() {
    this.#tracks = [];
    this.#index = -1;
  }
}
