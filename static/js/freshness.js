// No answer takes the page back to what it was. Answers arrive in another order than they were asked for, and beside
// what the stream tells. Each element is known as of a time: when the stream told it, or when the answer that filled
// it was asked for; an answer that was asked for before that leaves the element alone. The stream tells every later
// change anyway, so nothing is lost by that.

// Places for words to people: what stands in them is no state.
const WORDS = "#announcer, #toasts, #notices";
// Lists that ask for themselves whenever something changed, as these events say.
const LIST = "[hx-trigger*='live-again']";
const CHANGES = ["library-changed", "live-again"];
const MOST_KNOWN = 500;

const knownAt = new Map(); // by the id of an element
const askedAt = new WeakMap(); // by the context of a request
let leftAt = 0; // when the page before this one was left
let changedAt = 0; // when a list was last told to ask

function elementOf(target) {
  return typeof target === "string" ? document.querySelector(target) : target;
}

export const isNavigation = (ctx) => ctx?.target?.id === "page";
const isStream = (ctx) => ctx.sourceElement?.id === "live";

function note(id, at) {
  if (!id) return;
  knownAt.set(id, at);
  if (knownAt.size <= MOST_KNOWN) return;
  for (const known of knownAt.keys()) if (!document.getElementById(known)) knownAt.delete(known);
}

function noteStream(tasks) {
  for (const { fragment, target } of tasks) {
    const element = elementOf(target);
    if (!element || element.matches(WORDS)) continue;
    for (const { id } of [element, ...fragment.children]) note(id, performance.now());
  }
}

function noteAnswer(tasks, asked) {
  for (const { target } of tasks) {
    const element = elementOf(target);
    if (element && !element.matches(`${WORDS}, ${LIST}`)) note(element.id, asked);
  }
}

// Takes what is older than what the page shows out of an answer.
function keepNewer(tasks, asked) {
  const remove = (task) => tasks.splice(tasks.indexOf(task), 1);
  for (const task of [...tasks]) {
    if (asked < leftAt && elementOf(task.target)?.closest("#page")) remove(task);
  }
  for (const [id, known] of knownAt) {
    const shown = known > asked && document.getElementById(id);
    if (!shown) continue;
    for (const task of [...tasks]) {
      if (elementOf(task.target) === shown) remove(task);
      else task.fragment.querySelector(`#${CSS.escape(id)}`)?.replaceWith(shown.cloneNode(true));
    }
  }
}

export function askAgain() {
  document.body.dispatchEvent(new CustomEvent("live-again"));
}

document.addEventListener("htmx:before:request", ({ detail }) => askedAt.set(detail.ctx, performance.now()));

document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  const asked = askedAt.get(ctx);
  if (isStream(ctx)) {
    noteStream(tasks);
  } else if (!isNavigation(ctx) && asked !== undefined) {
    keepNewer(tasks, asked);
    noteAnswer(tasks, asked);
  }
});

// What a list shows may have been read before the change that it was told of meanwhile.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const asked = askedAt.get(ctx);
  if (isStream(ctx) || asked === undefined || asked >= changedAt) return;
  if (isNavigation(ctx)) askAgain();
  else if (elementOf(ctx.target)?.matches?.(LIST)) document.body.dispatchEvent(new CustomEvent("library-changed"));
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const { sourceElement, request } = ctx;
  if (isNavigation(ctx) || isStream(ctx)) return;
  // A list may have got another address, as by a search, since it asked for what it had: it asks once more.
  const address = sourceElement.matches?.(LIST) && new URL(sourceElement.getAttribute("hx-get"), location.href);
  const isElsewhere = address && request.action !== address.pathname + address.search;
  // A search that was left behind brings neither its results nor its address.
  const isLeft = ctx.push && askedAt.get(ctx) < leftAt;
  if (!isElsewhere && !isLeft) return;
  event.preventDefault();
  ctx.response.raw.body?.cancel();
  if (isElsewhere) askAgain();
});

for (const type of CHANGES) {
  const told = ({ target }) => {
    changedAt = performance.now();
    // Where what was pressed is gone by now, the word of it reaches the document alone.
    if (target === document) document.body.dispatchEvent(new CustomEvent(type));
  };
  // Before the lists hear of it: what they ask for is asked for after the change.
  document.addEventListener(type, told, { capture: true });
}

document.addEventListener("page:left", () => {
  knownAt.clear();
  leftAt = performance.now();
});
