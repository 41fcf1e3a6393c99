// Ties waveforms to their players: shows how far a sound has played, and plays from where one clicks.
// Listens on the document, so that cards that arrive later need no set-up of their own.

function show(audio) {
  const player = audio.closest("[data-player]");
  const played = player?.querySelector("[data-wave-played]");
  if (!played || !audio.duration) return;
  played.style.setProperty("--played", `${(100 * audio.currentTime) / audio.duration}%`);
}

function follow(audio) {
  show(audio);
  if (!audio.paused && audio.isConnected) requestAnimationFrame(() => follow(audio));
}

function onMedia(event) {
  const audio = event.target;
  if (!(audio instanceof HTMLAudioElement)) return;
  if (event.type === "play") {
    for (const other of document.querySelectorAll("[data-player] audio")) {
      if (other !== audio) other.pause();
    }
    follow(audio);
  } else {
    show(audio);
  }
}

for (const type of ["play", "pause", "seeked", "ended"]) {
  document.addEventListener(type, onMedia, true);
}

document.addEventListener("click", (event) => {
  const wave = event.target.closest("[data-wave]");
  const audio = wave?.closest("[data-player]").querySelector("audio");
  if (!audio?.duration) return;
  const box = wave.getBoundingClientRect();
  audio.currentTime = (audio.duration * (event.clientX - box.left)) / box.width;
  audio.play();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-loop]")) return;
  event.target.closest("[data-player]").querySelector("audio").loop = event.target.checked;
});

function revealLoopControls() {
  for (const control of document.querySelectorAll("[data-loop-control][hidden]")) control.hidden = false;
}

revealLoopControls();
document.addEventListener("htmx:after:swap", revealLoopControls);
