import "./connection.js";
import "./draft.js";
import "./counter.js";
import "./player.js";
