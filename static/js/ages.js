// Keeps relative times true while a page stays open, and shows times of day by the reader's own clock.

import { word } from "./words.js";

const STEPS = [
  [60, 1, (n) => (n < 5 ? word("justNow") : word("secondsAgo", { number: n - (n % 5) }))],
  [3600, 60, (number) => word("minutesAgo", { number })],
  [86400, 3600, (number) => word("hoursAgo", { number })],
];
const EVERY_MS = 5000;

function refresh() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
    const step = STEPS.find(([below]) => seconds < below);
    if (!step) continue;
    const text = step[2](Math.floor(seconds / step[1]));
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const text = new Date(time.dateTime).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    if (time.textContent !== text) time.textContent = text;
  }
}

refresh();
setInterval(refresh, EVERY_MS);
document.addEventListener("htmx:after:swap", refresh);
