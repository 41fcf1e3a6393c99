// Says when the live connection is lost, and brings it back when the first attempt failed.

const live = document.getElementById("live");
const banner = document.getElementById("connection");
const LOST = "Connection lost, trying again";
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 15000;

let delayMs = FIRST_DELAY_MS;
let retryTimer;
let isLeaving = false;

function say(text) {
  if (banner.textContent !== text) banner.textContent = text;
}

function lost() {
  live.dataset.connection = "lost";
  if (!isLeaving) say(LOST);
}

function connected() {
  delayMs = FIRST_DELAY_MS;
  clearTimeout(retryTimer);
  live.dataset.connection = "open";
  say("");
}

// The stream renews itself once it has been open; before that, nobody else would try again.
function retryFirstConnection() {
  lost();
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => live.dispatchEvent(new Event("reconnect")), delayMs);
  delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
}

if (live) {
  live.addEventListener("htmx:sse:after:connection", connected);
  live.addEventListener("htmx:sse:error", lost);
  live.addEventListener("htmx:sse:close", (event) => {
    if (event.detail.reason === "ended") retryFirstConnection();
  });
  live.addEventListener("htmx:error", retryFirstConnection);
  live.addEventListener("htmx:response:error", retryFirstConnection);
  addEventListener("pagehide", () => {
    isLeaving = true;
  });
  addEventListener("pageshow", () => {
    isLeaving = false;
  });
}
