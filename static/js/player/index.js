// Puts the player together.

import { connectCaptions } from "./captions.js";
import { connectDock } from "./dock.js";
import { connectGone } from "./gone.js";
import { connectInline } from "./inline.js";
import { connectLive } from "./live.js";
import { connectMediaSession } from "./media-session.js";
import { connectMemory } from "./memory.js";
import { connectOneAtATime } from "./one-at-a-time.js";
import { connectPage } from "./page-sounds.js";
import { connectPlays } from "./plays.js";
import { Player } from "./player.js";

const audio = document.getElementById("player-audio");
if (audio) {
  const player = new Player(audio);
  connectDock(document.getElementById("player"), player);
  connectCaptions(player, audio);
  connectPage(player);
  connectInline(player);
  connectOneAtATime(player);
  connectMediaSession(player);
  connectPlays(player);
  connectMemory(player);
  connectGone(player);
  connectLive(player);
}
