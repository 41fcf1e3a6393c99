// Says when the live connection is lost, and brings it back. While the tab is hidden nothing is followed.

import { word } from "./words.js";

const banner = document.getElementById("connection");
const BACK_FOR_MS = 2500;
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 15000;

let delayMs = FIRST_DELAY_MS;
let retryTimer;
let sayTimer;
let isLeaving = false;
let connection = null;

const live = () => document.getElementById("live");

function say(text, isGood = false) {
  clearTimeout(sayTimer);
  banner.classList.toggle("good", isGood);
  if (banner.textContent !== text) banner.textContent = text;
}

function lost() {
  if (isLeaving || !live()) return;
  live().dataset.connection = "lost";
  say(word(navigator.onLine ? "lost" : "offline"));
  document.dispatchEvent(new CustomEvent("connection:lost"));
}

function connected(event) {
  const wasLost = banner.textContent !== "";
  const isAgain = "connection" in live().dataset;
  connection = event.detail.connection;
  delayMs = FIRST_DELAY_MS;
  clearTimeout(retryTimer);
  live().dataset.connection = "open";
  // What a page asks for by itself may have changed while nobody told it.
  if (isAgain) document.body.dispatchEvent(new CustomEvent("live-again"));
  if (!wasLost) return;
  say(word("back"), true);
  sayTimer = setTimeout(() => say(""), BACK_FOR_MS);
}

// The stream renews itself once it has been open; before that, nobody else would try again.
function retryFirstConnection() {
  lost();
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => live()?.dispatchEvent(new Event("reconnect")), delayMs);
  delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
}

function ofLive(handler) {
  return (event) => {
    if (event.target === live()) handler(event);
  };
}

document.addEventListener("htmx:sse:after:connection", ofLive(connected));
document.addEventListener("htmx:sse:error", ofLive(lost));
document.addEventListener("htmx:error", ofLive(retryFirstConnection));
document.addEventListener("htmx:response:error", ofLive(retryFirstConnection));
document.addEventListener(
  "htmx:sse:close",
  ofLive((event) => {
    if (event.detail.reason === "ended") retryFirstConnection();
  }),
);

// Another page has another stream, or none.
document.addEventListener("page:shown", () => {
  clearTimeout(retryTimer);
  connection = null;
  if (navigator.onLine) say("");
});

addEventListener("offline", lost);
addEventListener("online", () => {
  if (!live()) return say("");
  // A stream that seems to be there may be one of the network before; a wait is that of its last failure.
  if (connection?.reader) connection.reader.cancel();
  else if (connection?.delayCanceller) connection.delayCanceller();
  else if (live().dataset.connection === "lost") retryFirstConnection();
});
addEventListener("pagehide", () => {
  isLeaving = true;
});
addEventListener("pageshow", () => {
  isLeaving = false;
});
