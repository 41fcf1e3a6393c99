// A sound that was deleted stops and leaves the player. The server is asked, because it may have been deleted anywhere;
// it answers in words, for a browser reports every answer of 404 as a fault.

import { isNavigation } from "../freshness.js";
import { ROOT } from "../root.js";

export function connectGone(player) {
  async function look() {
    const id = player.track?.id;
    if (!id || player.track.isLive) return;
    const answer = await fetch(`${ROOT}/sounds/${id}/there`).catch(() => null);
    const isGone = answer?.ok && (await answer.text()) === "no";
    if (isGone && player.track?.id === id) player.close();
  }

  // Told to the body alone, so heard on the way there.
  document.addEventListener("library-changed", look, { capture: true });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (isNavigation(ctx) && ctx.request?.method === "POST") look();
  });
  look();
}
