// A sound that is heard while it is made. The player follows its job: once it is finished, its file plays on at the same
// second. A run that ends without the sound cuts the stream; the bar says so, and the next run is heard from its start.

import { ROOT } from "../root.js";
import { word } from "../words.js";
import { liveTrackOf, trackOf } from "./tracks.js";

const AGAIN_MS = 700;

export function connectLive(player) {
  let events = null;
  let hasEnded = false;
  let run = null; // the attempt that is heard
  let opened = 0;

  function reopen() {
    opened += 1;
    player.reopen(word("madeAgain"));
  }

  function finishedTrack(live, id) {
    const card = document.querySelector(`#page [data-sound="${id}"]`);
    return card ? trackOf(card) : { ...live, id, isLive: false, href: `${ROOT}/sounds/${id}` };
  }

  function heard(live, job) {
    if (player.track !== live) return;
    hasEnded = job.status !== "queued" && job.status !== "processing";
    if (!hasEnded) {
      // What is heard is of a run that is over. A browser would play on what it has, and end as if that were all.
      const isOver = run !== null && (job.status === "queued" || job.attempt !== run);
      run = job.status === "processing" ? job.attempt : null;
      if (isOver) reopen();
      return;
    }
    events.close();
    if (job.status === "completed" && job.generation_id) player.finish(() => finishedTrack(live, job.generation_id));
    else player.close();
  }

  function followJob() {
    events?.close();
    events = null;
    const live = player.track;
    if (!live?.isLive) return;
    hasEnded = false;
    run = null;
    events = new EventSource(`${ROOT}/job/${live.jobId}/events`);
    events.addEventListener("job", ({ data }) => heard(live, JSON.parse(data)));
  }

  function show() {
    for (const link of document.querySelectorAll("[data-listen]")) {
      const isPlaying = player.track?.jobId === link.dataset.listen && player.isPlaying;
      link.querySelector("[data-listen-word]").textContent = word(isPlaying ? "pause" : "listenNow");
      link.classList.toggle("is-playing", isPlaying);
    }
  }

  player.addEventListener("cut", () => {
    const [live, before] = [player.track, opened];
    // Whether there will be another run is in the job's next event.
    setTimeout(() => !hasEnded && player.track === live && opened === before && reopen(), AGAIN_MS);
  });
  player.addEventListener("track", followJob);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-listen]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (player.track?.jobId === link.dataset.listen) return player.toggle();
    const track = liveTrackOf(link);
    player.repeats = false;
    player.open([track], track.id);
  });
  for (const type of ["track", "state"]) player.addEventListener(type, show);
  for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
  addEventListener("pagehide", () => events?.close());
  followJob();
  show();
}
