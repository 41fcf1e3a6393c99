// Followed links replace #page alone: what plays goes on. Tells others by "page:left", with the path that comes and what
// is said there, and "page:shown".

import { isNavigation } from "./freshness.js";

const root = document.documentElement;
const announcer = document.getElementById("announcer");

// Of several links followed one after another the last one counts, whichever answer comes first. Who clicks twice on
// the same one means it once: the second request waits for the first, and by then the page is another one.
const turns = new WeakMap();
const lastSent = new WeakMap(); // by the link or form
let turn = 0;
let newest = null;

function isRepeated({ sourceElement, request }) {
  const sent = `${request.method} ${request.action} ${new URLSearchParams(request.body ?? "")}`;
  const isSame = lastSent.get(sourceElement) === sent;
  lastSent.set(sourceElement, sent);
  return isSame;
}

document.addEventListener("htmx:config:request", ({ detail }) => {
  if (isNavigation(detail.ctx)) turns.set(detail.ctx, ++turn);
});
document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail;
  if (!isNavigation(event.detail.ctx)) return;
  const isLate = newest && turns.get(ctx) < turns.get(newest);
  const isAfter = !ctx.target.isConnected;
  if ((isRepeated(ctx) && isAfter) || (isLate && ctx.request.method === "GET")) return event.preventDefault();
  // What changes something is sent in any case; its answer is shown unless one went elsewhere meanwhile.
  if (isLate) return;
  if (isAfter) ctx.target = document.getElementById("page");
  newest = ctx;
});
document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (!isNavigation(event.detail.ctx) || ctx === newest) return;
  event.preventDefault();
  ctx.response.raw.body?.cancel();
});

document.addEventListener("htmx:before:swap", ({ detail }) => {
  // An answer is parsed as if there were no script, which would bring to life what is meant for that.
  for (const { fragment } of detail.tasks ?? []) {
    for (const element of fragment.querySelectorAll("noscript")) element.remove();
  }
  if (!isNavigation(detail.ctx)) return;
  const { response, request, sourceElement } = detail.ctx;
  const { pathname: path } = new URL(response?.raw?.url || request.action, location.href);
  const said = response?.raw?.redirected ? sourceElement?.dataset.said : "";
  document.dispatchEvent(new CustomEvent("page:left", { detail: { path, said } }));
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (!isNavigation(detail.ctx)) return;
  document.dispatchEvent(new CustomEvent("page:shown"));
  const isPlaced = document.activeElement?.closest("#page [autofocus]");
  if (!isPlaced) document.getElementById("main")?.focus({ preventScroll: true });
  // The title is set right after this event.
  setTimeout(() => {
    announcer.textContent = document.title;
  });
});

// The answer to a form is no address of its own: loading it again would submit nothing.
document.addEventListener("htmx:before:history:update", (event) => {
  const { sourceElement, response } = event.detail;
  const isPost = sourceElement?.matches?.("form[method='post']");
  if (isPost && !response?.raw?.redirected) event.preventDefault();
});

// A thin line on top for whoever waits longer than a moment: see layout.css.
for (const [type, isWaiting] of [["htmx:before:request", true], ["htmx:finally:request", false]]) {
  document.addEventListener(type, ({ detail }) => {
    if (isNavigation(detail.ctx) && detail.ctx === newest) root.classList.toggle("is-navigating", isWaiting);
  });
}
