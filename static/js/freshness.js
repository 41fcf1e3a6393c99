// No answer takes the page back to what it was. What the stream has told of an element is newer than an answer
// that was asked for before it, although that answer may arrive later. The stream tells every change, so nothing
// is lost by keeping what it told.

const toldAt = new Map(); // by the id of an element
const askedAt = new WeakMap(); // by the context of a request

function elementOf(target) {
  return typeof target === "string" ? document.querySelector(target) : target;
}

function note(tasks) {
  for (const { fragment, target } of tasks) {
    const element = elementOf(target);
    if (!element?.id) continue;
    toldAt.set(element.id, performance.now());
    for (const part of fragment.children) if (part.id) toldAt.set(part.id, performance.now());
  }
}

// Takes what is older than what the page shows out of an answer.
function keepNewer(tasks, asked) {
  for (const [id, told] of toldAt) {
    const shown = told > asked && document.getElementById(id);
    if (!shown) continue;
    for (const task of [...tasks]) {
      if (elementOf(task.target) === shown) tasks.splice(tasks.indexOf(task), 1);
      else task.fragment.querySelector(`#${CSS.escape(id)}`)?.replaceWith(shown.cloneNode(true));
    }
  }
}

document.addEventListener("htmx:before:request", ({ detail }) => askedAt.set(detail.ctx, performance.now()));
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  if (ctx.sourceElement?.id === "live") note(tasks);
  else if (ctx.target?.id !== "page" && askedAt.has(ctx)) keepNewer(tasks, askedAt.get(ctx));
});
document.addEventListener("page:shown", () => toldAt.clear());

// A list may have got another address, as by a search, since it asked for what it had: it asks once more.
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (!sourceElement.matches?.("[hx-trigger*='live-again']")) return;
  const { pathname, search } = new URL(sourceElement.getAttribute("hx-get"), location.href);
  if (request.action === pathname + search) return;
  event.preventDefault();
  document.body.dispatchEvent(new CustomEvent("live-again"));
});
