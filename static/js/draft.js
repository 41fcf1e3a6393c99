// Keeps what was typed until it is changed: a reload or a closed tab loses nothing. Each account has its own drafts;
// what a stranger typed goes to the account they sign in with.

// What forms with drafts are called, and under which name each is kept.
const KEYS = { compose: "draft", "speech-form": "speech draft" };

const account = () => document.getElementById("page")?.dataset.account ?? "";
const keyOf = (form, owner = account()) => `${KEYS[form.id]} of ${owner}`;

function forms() {
  return Object.keys(KEYS).map((id) => document.getElementById(id)).filter(Boolean);
}

function fields(form) {
  return [...form.querySelectorAll("[data-draft]")];
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function draftOf(form) {
  const own = read(keyOf(form));
  if (own || !account()) return own ?? {};
  const strangers = read(keyOf(form, ""));
  if (strangers) {
    write(form, strangers);
    localStorage.removeItem(keyOf(form, ""));
  }
  return strangers ?? {};
}

function write(form, draft) {
  try {
    localStorage.setItem(keyOf(form), JSON.stringify(draft));
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
}

function keep(form) {
  const draft = {};
  for (const field of fields(form)) {
    if (field.type === "radio") {
      if (field.checked) draft[field.name] = field.value;
    } else if (field.type === "checkbox") {
      draft[field.name] = field.checked;
    } else {
      draft[field.name] = field.value;
    }
  }
  write(form, draft);
}

// What a quote is asked for with.
function quoted(form) {
  const data = new FormData(form);
  return ["model", "duration", "takes"].map((name) => data.get(name)).join();
}

function restore(form) {
  const draft = draftOf(form);
  // A link that brings a text along, such as "again", brings the rest as well.
  const given = new URLSearchParams(location.search);
  if (given.has("prompt") || given.has("text")) return;
  const before = quoted(form);
  for (const field of fields(form)) {
    const value = draft[field.name];
    if (value === undefined) continue;
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.type === "checkbox") field.checked = value === true;
    else if (field.tagName !== "TEXTAREA" || !field.value) field.value = value;
  }
  // The quote of the page is for another job; what is asked for next is for this one.
  if (quoted(form) !== before) document.getElementById("quote")?.classList.add("is-stale");
}

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.id === "quote") ctx.sourceElement.classList.remove("is-stale");
});

// An answer to a form holds what was sent, and somebody may have typed on since. What holds for one request only is
// empty in the answer, and stays so unless it was changed meanwhile.
function keepTyped(form, fragment, sent) {
  for (const field of form.querySelectorAll("textarea[data-draft], input[type='number'][data-draft]")) {
    const answered = fragment.querySelector(`#${form.id} #${field.id}`);
    if (!answered) continue;
    const isSpent = "once" in field.dataset && !answered.defaultValue && field.value === sent?.get?.(field.name);
    if (isSpent) field.value = "";
    else answered.defaultValue = field.value;
  }
}

function begin() {
  for (const form of forms()) {
    restore(form);
    form.querySelector("textarea").dispatchEvent(new Event("input", { bubbles: true }));
    form.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-draft]") && event.target.form?.id in KEYS) keep(event.target.form);
});

document.addEventListener("htmx:before:swap", ({ detail }) => {
  for (const { fragment, target } of detail.tasks ?? []) {
    if (target?.id in KEYS) keepTyped(target, fragment, detail.ctx.request.body);
  }
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.request?.method !== "POST") return;
  for (const form of forms()) keep(form);
});

// Whoever signs out, or deletes their account, leaves nothing for the next person at this browser. A new installation
// begins without drafts, whatever another one at this address left behind.
const LEAVING = "form[action$='/logout'], form[action$='/account/delete']";
const BEGINNING = "form[action$='/setup']";

document.addEventListener("submit", ({ target }) => {
  if (target.matches(LEAVING)) {
    for (const name of Object.values(KEYS)) {
      for (const owner of [account(), ""]) localStorage.removeItem(`${name} of ${owner}`);
    }
  } else if (target.matches(BEGINNING)) {
    const isDraft = (key) => Object.values(KEYS).some((name) => key === name || key.startsWith(`${name} of `));
    for (const key of Object.keys(localStorage).filter(isDraft)) localStorage.removeItem(key);
  }
});

for (const form of forms()) restore(form);
// Once htmx listens, the quote is asked for what was restored.
if (document.readyState === "complete") begin();
else addEventListener("load", begin);
document.addEventListener("page:shown", begin);
