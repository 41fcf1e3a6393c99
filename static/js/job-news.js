// Brings what happens to one's jobs to whoever looks elsewhere: the tab's title says how far they are, and a
// notification, where the browser permits them, that one has ended. A hidden tab has no live connection, so it follows
// its jobs itself, one after the other: a browser has few connections for all of a server's tabs.

import { ROOT } from "./root.js";
import { word } from "./words.js";

// What a notification says, and the title of the tab.
const ENDED = { completed: "jobFinished", failed: "jobFailed" };
const SHOWN = { completed: "jobDone", failed: "jobFailed" };

let shown = ""; // what the title begins with
let ended = ""; // what ended while nobody looked
let followed = new Map(); // by the id of a card: its stream, and what was last heard of it

const isActive = ({ status }) => status === "queued" || status === "processing";

function activeCards() {
  return [...document.querySelectorAll("#job-list :is(.job, .take):is(.queued, .processing)")];
}

function jobs() {
  if (document.hidden) return [...followed.values()].map(({ job }) => job);
  return activeCards().map((card) => {
    const status = card.classList.contains("processing") ? "processing" : "queued";
    return { status, progress_pct: card.querySelector("progress")?.value };
  });
}

function state() {
  const active = jobs().filter(isActive);
  const running = active.filter(({ status }) => status === "processing").at(-1);
  if (running) return `${running.progress_pct}%`;
  return active.length ? word("jobWaiting") : ended;
}

function showTitle() {
  const plain = shown && document.title.startsWith(shown) ? document.title.slice(shown.length) : document.title;
  const now = state();
  shown = now && `${now} · `;
  if (document.title !== shown + plain) document.title = shown + plain;
}

function notify(id, how) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const card = document.getElementById(id);
  try {
    const note = new Notification(word(ENDED[how]), { body: card?.querySelector(".job-title").textContent.trim(), tag: id });
    note.addEventListener("click", () => {
      window.focus();
      card?.scrollIntoView({ block: "center" });
      note.close();
    });
  } catch {
    // Some browsers let only service workers notify; the title says it as well.
  }
}

function follow(card) {
  const stream = new EventSource(`${ROOT}/job/${card.id.replace("job-", "")}/events`);
  const entry = { stream, job: { status: "queued" } };
  followed.set(card.id, entry);
  stream.addEventListener("job", ({ data }) => {
    entry.job = JSON.parse(data);
    if (!isActive(entry.job)) {
      stream.close();
      if (entry.job.status in ENDED) {
        ended = word(SHOWN[entry.job.status]);
        notify(card.id, entry.job.status);
      }
    }
    showTitle();
    if (!isActive(entry.job)) followNext();
  });
  stream.onerror = () => {
    // A refused stream is closed for good: nothing is known of that job any more.
    if (stream.readyState !== EventSource.CLOSED) return;
    entry.job = { status: "unknown" };
    showTitle();
    followNext();
  };
}

function followNext() {
  const next = activeCards().findLast((card) => !followed.has(card.id));
  if (document.hidden && next) follow(next);
}

function followNothing() {
  for (const { stream } of followed.values()) stream.close();
  followed = new Map();
}

function showOffer() {
  const offer = document.querySelector("[data-notify]");
  if (!offer) return;
  const canAsk = "Notification" in window && Notification.permission === "default";
  offer.hidden = !canAsk || activeCards().length === 0;
}

function show() {
  showTitle();
  showOffer();
}

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-notify]")) return;
  await Notification.requestPermission();
  showOffer();
});
document.addEventListener("visibilitychange", () => {
  followNothing();
  if (document.hidden) followNext();
  else ended = "";
  showTitle();
});
document.addEventListener("page:left", () => {
  followNothing();
  shown = "";
});
addEventListener("pagehide", followNothing);
document.addEventListener("htmx:after:swap", show);
// The title of the next page is set right after this event.
document.addEventListener("page:shown", () => setTimeout(show));
show();
