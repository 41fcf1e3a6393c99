// The bar at the bottom: shows what the player does, and has it do what is clicked.

import { ROOT } from "../root.js";
import { clockTime } from "./clock.js";
import { word } from "../words.js";
import { soundUrl } from "./tracks.js";

const STEP_S = 5;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function connectDock(dock, player) {
  const part = (name) => dock.querySelector(`[data-player-${name}]`);
  const button = (name) => dock.querySelector(`[data-player-do="${name}"]`);
  const position = dock.querySelector(".seek-input");
  const seek = dock.querySelector("[data-seek]");
  const actions = {
    toggle: () => player.toggle(),
    next: () => player.next(),
    previous: () => player.previous(),
    loop: () => {
      player.repeats = !player.repeats;
    },
    mute: () => {
      player.isMuted = !player.isMuted;
    },
    close: () => {
      player.close();
      document.getElementById("main")?.focus({ preventScroll: true });
    },
  };

  function showTrack() {
    const { track } = player;
    dock.hidden = !track;
    document.documentElement.classList.toggle("has-player", Boolean(track));
    if (!track) return;
    const title = part("title");
    title.textContent = track.title;
    title.title = track.title;
    title.href = track.href || `${ROOT}/library`;
    part("by").textContent = track.by;
    const wave = seek.querySelector("svg");
    wave.setAttribute("viewBox", track.outlineBox || "0 0 1 64");
    for (const path of wave.querySelectorAll("path")) path.setAttribute("d", track.outline || "M0 31h1v2H0z");
    part("downloads").closest("details").hidden = Boolean(track.isLive);
    position.disabled = Boolean(track.isLive);
    for (const link of dock.querySelectorAll("[data-format]")) {
      link.href = track.href ? `${track.href}/download/${link.dataset.format}` : soundUrl(track.id, link.dataset.format);
      link.download = `${track.file ?? track.id}.${link.dataset.format}`;
    }
    showState();
  }

  function showState() {
    dock.classList.toggle("is-playing", player.isPlaying);
    button("toggle").setAttribute("aria-label", word(player.isPlaying ? "pause" : "play"));
    button("loop").setAttribute("aria-pressed", player.repeats);
    button("mute").setAttribute("aria-pressed", player.isMuted);
    // Only what cannot be done is disabled, or focus would be lost with every last track.
    button("next").setAttribute("aria-disabled", !player.hasNext);
    button("previous").setAttribute("aria-disabled", !player.track);
    part("volume").value = player.isMuted ? 0 : player.volume;
    part("speed").value = String(player.speed);
    if (player.isPlaying && !still.matches) requestAnimationFrame(follow);
  }

  function showTime() {
    const { timeS, lengthS } = player;
    position.max = lengthS || 1;
    position.value = timeS;
    position.setAttribute("aria-valuetext", `${clockTime(timeS)} of ${clockTime(lengthS)}`);
    seek.style.setProperty("--played", `${lengthS ? (100 * timeS) / lengthS : 0}%`);
    part("time").textContent = clockTime(timeS);
    part("length").textContent = clockTime(lengthS);
  }

  // Between the browser's own events, which come four times a second.
  function follow() {
    if (!player.isPlaying || document.hidden) return;
    const { timeS, lengthS } = player;
    if (lengthS) seek.style.setProperty("--played", `${(100 * timeS) / lengthS}%`);
    requestAnimationFrame(follow);
  }

  dock.addEventListener("click", (event) => {
    const name = event.target.closest("[data-player-do]")?.dataset.playerDo;
    if (name) actions[name]();
  });
  position.addEventListener("input", () => player.seek(Number(position.value)));
  position.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -STEP_S, ArrowDown: -STEP_S, ArrowRight: STEP_S, ArrowUp: STEP_S }[event.key];
    if (!step) return;
    event.preventDefault();
    player.seek(player.timeS + step);
  });
  part("volume").addEventListener("input", (event) => {
    player.volume = Number(event.target.value);
  });
  part("speed").addEventListener("change", (event) => {
    player.speed = Number(event.target.value);
  });
  player.addEventListener("track", showTrack);
  player.addEventListener("state", showState);
  player.addEventListener("time", showTime);
  player.addEventListener("fault", (event) => {
    part("fault").textContent = event.detail;
  });
  document.addEventListener("visibilitychange", showState);
  // Space plays and holds wherever nothing else waits for it.
  document.addEventListener("keydown", (event) => {
    const isFree = event.target === document.body || event.target.id === "main";
    if (event.key !== " " || !isFree || !player.track || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    player.toggle();
  });
}
