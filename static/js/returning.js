// Brings back what was typed into a form if the session had ended when it was sent: signing in leads to the same page.
// Passwords are not kept, and nobody but the same account gets it back, in the same tab.

const KEY = "unsent";
const SENT_JUST_NOW_MS = 30000;
const TYPED = "textarea, select, input:not([type='password'], [type='hidden'], [type='file'])";

const account = () => document.getElementById("page")?.dataset.account ?? "";

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function write(unsent) {
  try {
    if (unsent) sessionStorage.setItem(KEY, JSON.stringify(unsent));
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
}

function typedIn(form) {
  return [...form.elements]
    .filter((field) => field.name && field.matches(TYPED))
    .map(({ name, value, type, checked }) => ({ name, value, isTicked: /radio|checkbox/.test(type) ? checked : null }));
}

function fill(form, typed) {
  for (const { name, value, isTicked } of typed) {
    for (const field of form.elements) {
      if (field.name !== name || !field.matches(TYPED)) continue;
      if (isTicked === null) field.value = value;
      else if (field.value === value) field.checked = isTicked;
      else continue;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  const hidden = form.closest("details");
  if (hidden) hidden.open = true;
}

document.addEventListener("submit", ({ target: form }) => {
  const isTyped = form.method === "post" && account() && form.querySelector(TYPED);
  if (!isTyped) return;
  const action = form.getAttribute("action");
  write({ at: Date.now(), account: account(), path: location.pathname, action, typed: typedIn(form) });
});

function shown() {
  const unsent = read();
  if (!unsent) return;
  if (document.querySelector("#page [data-sent-here]")) {
    const isFresh = Date.now() - unsent.at < SENT_JUST_NOW_MS;
    write(isFresh ? { ...unsent, isRefused: true } : null);
    const promise = document.querySelector("#page [data-typed-kept]");
    if (promise) promise.hidden = !isFresh;
  } else if (!document.querySelector("#page [data-signing-in]")) {
    write(null);
    if (!unsent.isRefused || unsent.account !== account() || unsent.path !== location.pathname) return;
    const form = document.querySelector(`#page form[action="${CSS.escape(unsent.action)}"]`);
    if (form) fill(form, unsent.typed);
  }
}

shown();
document.addEventListener("page:shown", shown);
