// Keeps times true while a page stays open, and shows them by the reader's own clock: time[data-ago] and [data-until] in
// words that go on, [data-clock] as the time of day, [data-exact] to the second. What a time leaves out is its title.

import { clockText, dayText, exactText } from "./local-times.js";
import { word } from "./words.js";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;
// Older ones are a date.
const DAYS_IN_WORDS = 30;
const EVERY_MS = 1000;
// A clock that is wrong by less may as well be a slow answer.
const TRUSTED_MS = 5000;

let wrongMs = 0; // by how much the reader's clock is fast

function learnClock() {
  const since = new URL(document.getElementById("live")?.getAttribute("hx-sse:connect") ?? "", location.href);
  const serverMs = Number(since.searchParams.get("since"));
  const differenceMs = serverMs ? Date.now() - serverMs : 0;
  wrongMs = Math.abs(differenceMs) > TRUSTED_MS ? differenceMs : 0;
}

// What is older by days, or ahead by hours, is told by the server well enough.
function agoText(seconds, date) {
  if (seconds < 5) return word("justNow");
  if (seconds < MINUTE_S) return word("secondsAgo", { number: Math.floor(seconds / 5) * 5 });
  if (seconds < HOUR_S) return word("minutesAgo", { number: Math.floor(seconds / MINUTE_S) });
  if (seconds < DAY_S) return word("hoursAgo", { number: Math.floor(seconds / HOUR_S) });
  return Math.floor(seconds / DAY_S) > DAYS_IN_WORDS ? dayText(date) : null;
}

function untilText(seconds) {
  if (seconds < 1) return word("now");
  if (seconds < MINUTE_S) return word("inSeconds", { number: Math.round(seconds) });
  if (seconds < HOUR_S) return word("inMinutes", { number: Math.round(seconds / MINUTE_S) });
  return null;
}

function show(time) {
  const date = new Date(time.dateTime);
  const agoS = (Date.now() - wrongMs - date) / 1000;
  const { ago, until, clock, exact } = time.dataset;
  let text = null;
  if (ago !== undefined) text = agoText(Math.max(0, agoS), date);
  else if (until !== undefined) text = untilText(-agoS);
  else if (clock !== undefined) text = clockText(date);
  else if (exact !== undefined) text = exactText(date);
  if (text !== null && time.textContent !== text) time.textContent = text;
  if (exact !== undefined) return;
  const title = exactText(date);
  if (time.title !== title) time.title = title;
}

function refresh() {
  for (const time of document.querySelectorAll("time[datetime]")) show(time);
}

learnClock();
refresh();
setInterval(refresh, EVERY_MS);
document.addEventListener("page:shown", learnClock);
document.addEventListener("htmx:after:swap", refresh);
