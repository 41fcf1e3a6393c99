import "./ages.js";
import "./connection.js";
import "./counter.js";
import "./draft.js";
import "./player.js";
