// Reads what a page says of its sounds: [data-sound] inside a [data-tracks].

import { ROOT } from "../root.js";
import { word } from "../words.js";

export function trackOf(element) {
  const { sound, title, by, length, href, file, spoken } = element.dataset;
  const path = element.querySelector(".wave path");
  return {
    id: sound,
    title,
    by: by ?? "",
    href: href ?? "",
    file: file ?? sound,
    lengthS: Number(length),
    isSpoken: spoken !== undefined,
    outline: path?.getAttribute("d") ?? "",
    outlineBox: path?.ownerSVGElement.getAttribute("viewBox") ?? "",
  };
}

/** The sound of a job that is being made, of the link that offers to listen to it. */
export function liveTrackOf({ dataset: { listen, title, length } }) {
  return {
    id: `job-${listen}`,
    jobId: listen,
    isLive: true,
    title,
    by: word("beingMade"),
    href: `${ROOT}/#job-${listen}`,
    lengthS: Number(length),
    outline: "",
    outlineBox: "",
  };
}

/** All sounds of the list that an element stands in, in their order, each once. */
export function tracksAround(element) {
  const list = element.closest("[data-tracks]");
  const found = list ? [...list.querySelectorAll("[data-sound]")] : [element];
  const ids = new Set();
  return found.map(trackOf).filter(({ id }) => !ids.has(id) && ids.add(id));
}

/** The same tracks in an order of chance. */
export function shuffled(tracks) {
  const drawn = [...tracks];
  for (let left = drawn.length; left > 1; left -= 1) {
    const at = Math.floor(Math.random() * left);
    [drawn[at], drawn[left - 1]] = [drawn[left - 1], drawn[at]];
  }
  return drawn;
}

export function urlOf(track) {
  return track.isLive ? `${ROOT}/job/${track.jobId}/stream` : soundUrl(track.id);
}

export function soundUrl(id, format = "wav") {
  return `${ROOT}/audio/${id}.${format}`;
}
