// Brings what happens to one's jobs to whoever looks elsewhere: the tab's title says how far they are, and a
// notification, where the browser permits them, that one has ended.

const ENDED = { completed: "Finished", failed: "Failed" };
const WORDS = { completed: "Done", failed: "Failed" };

let shown = ""; // what the title begins with
let ended = ""; // what ended while nobody looked
let active = new Set();

const cards = () => [...document.querySelectorAll("#job-list > .job")];
const stateOf = (card) => ["queued", "processing", ...Object.keys(ENDED)].find((state) => card.classList.contains(state));

function state() {
  const progress = document.querySelector(".job.processing progress");
  if (progress) return `${progress.value}%`;
  if (document.querySelector(".job.queued")) return "Waiting";
  return document.hidden ? ended : "";
}

function showTitle() {
  const plain = shown && document.title.startsWith(shown) ? document.title.slice(shown.length) : document.title;
  const now = state();
  shown = now && `${now} · `;
  if (document.title !== shown + plain) document.title = shown + plain;
}

function notify(card, how) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const title = card.querySelector(".job-title").textContent.trim();
  try {
    const note = new Notification(ENDED[how], { body: title, tag: card.id });
    note.addEventListener("click", () => {
      window.focus();
      card.scrollIntoView({ block: "center" });
      note.close();
    });
  } catch {
    // Some browsers let only service workers notify; the title says it as well.
  }
}

function showOffer() {
  const offer = document.querySelector("[data-notify]");
  if (offer) offer.hidden = !("Notification" in window) || Notification.permission !== "default" || active.size === 0;
}

function look() {
  const before = active;
  active = new Set();
  for (const card of cards()) {
    const how = stateOf(card);
    if (how === "queued" || how === "processing") active.add(card.id);
    else if (before.has(card.id) && how in ENDED) {
      if (document.hidden) ended = WORDS[how];
      notify(card, how);
    }
  }
  showTitle();
  showOffer();
}

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-notify]")) return;
  await Notification.requestPermission();
  showOffer();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  ended = "";
  showTitle();
});
document.addEventListener("page:left", () => {
  active = new Set();
  shown = "";
});
document.addEventListener("htmx:after:swap", look);
// The title of the next page is set right after this event.
document.addEventListener("page:shown", () => setTimeout(look));
look();
