// Short messages. One goes once it had time to be read, or to be answered where it has a button; whoever points at it,
// or is in it by keyboard, keeps it. Of each kind only the newest is shown: with an undo, with a link, or plain. Each
// belongs to its page, and "In line" to a job that has not ended; an undo stays while the page shows something else of
// its own, as under another filter. What leads to another page says what was done there: <form data-said="text">.

import { isNavigation } from "./freshness.js";
import { word } from "./words.js";

const SHOWN_MS = 6000;
const ANSWERABLE_MS = 20000;
const UNDO = ".toast-undo";
const LINK = ".toast-link";

// Whoever was in it by keyboard goes on at the content.
function take(element) {
  const isIn = element.contains(document.activeElement);
  element.remove();
  if (isIn) document.getElementById("main")?.focus({ preventScroll: true });
}

function expire(element) {
  const shownMs = element.querySelector("button") ? ANSWERABLE_MS : SHOWN_MS;
  let timer;
  const keep = () => clearTimeout(timer);
  const wait = () => {
    keep();
    timer = setTimeout(() => element.remove(), shownMs);
  };
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, keep);
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, wait);
  wait();
}

const kindOf = (element) => [UNDO, LINK].find((part) => element.querySelector(part)) ?? "";

// A new message takes the place of the one of its kind.
function replaceOlder(element) {
  for (const older of [...element.parentElement.children]) {
    if (older !== element && kindOf(older) === kindOf(element)) take(older);
  }
}

export function toast(text, { about, link } = {}) {
  const element = document.createElement("p");
  element.className = "toast";
  element.textContent = text;
  if (about) element.dataset.about = about;
  if (link) {
    const anchor = document.createElement("a");
    anchor.className = "toast-link";
    anchor.href = link.href;
    anchor.textContent = link.text;
    element.append(" ", anchor);
  }
  document.getElementById("toasts").append(element);
}

for (const id of ["notices", "toasts"]) {
  const region = document.getElementById(id);
  if (!region) continue;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE || !node.isConnected) continue;
        node.dataset.page = location.pathname;
        replaceOlder(node);
        expire(node);
      }
    }
  }).observe(region, { childList: true });
}

// An undo works once: it goes with the answer, whatever that is. Without an answer it can be tried again.
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const used = ctx.sourceElement?.querySelector?.(UNDO) && ctx.sourceElement.closest(".toast");
  if (used && ctx.response) take(used);
});

// Where a message leads to, it is needed no more.
document.addEventListener("click", ({ target }) => target.closest(".toast-link")?.closest(".toast").remove());

// What one does while the server is away must not fail in silence. The banner speaks for the live connection and for
// what a page only reads meanwhile.
document.addEventListener("htmx:error", ({ target, detail: { ctx } }) => {
  if (target.id === "live" || !ctx?.request) return;
  if (ctx.request.method !== "GET") toast(word("notConfirmed"));
  else if (isNavigation(ctx)) toast(word("notOpened"));
  else if (!document.getElementById("connection").textContent) toast(word("notShown"), { about: "reading" });
});
document.addEventListener("connection:lost", () => {
  for (const element of document.querySelectorAll("#toasts [data-about='reading']")) element.remove();
});

document.addEventListener("page:left", ({ detail: { path, said } }) => {
  for (const element of document.querySelectorAll("#toasts > *, #notices > *")) {
    if (!element.querySelector(UNDO) || element.dataset.page !== path) element.remove();
  }
  if (said) toast(said);
});
document.addEventListener("htmx:after:swap", () => {
  for (const link of document.querySelectorAll(`#toasts ${LINK}[href^="#job-"]`)) {
    const job = document.getElementById(link.hash.slice(1));
    if (job && !job.matches(".queued, .processing")) take(link.closest(".toast"));
  }
});
