// Keeps what was typed until it is changed: a reload or a closed tab loses nothing.

const KEY = "draft";

function fields() {
  return [...document.querySelectorAll("#compose [data-draft]")];
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function write(draft) {
  try {
    localStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
}

function keep() {
  const draft = {};
  for (const field of fields()) {
    if (field.type === "radio") {
      if (field.checked) draft[field.name] = field.value;
    } else if (field.type === "checkbox") {
      draft[field.name] = field.checked;
    } else {
      draft[field.name] = field.value;
    }
  }
  write(draft);
}

function restore() {
  const draft = read();
  // A link that brings a prompt along, such as "again", brings the rest as well.
  const isGiven = new URLSearchParams(location.search).has("prompt");
  for (const field of fields()) {
    const value = draft[field.name];
    if (value === undefined || isGiven) continue;
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.type === "checkbox") field.checked = value === true;
    else if (field.name !== "prompt" || !field.value) field.value = value;
  }
}

function begin() {
  const form = document.getElementById("compose");
  if (!form) return;
  restore();
  document.getElementById("prompt").dispatchEvent(new Event("input", { bubbles: true }));
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("input", (event) => {
  if (event.target.matches("#compose [data-draft]")) keep();
});

// Whoever signs out leaves nothing for the next person at this browser.
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[action='/logout']")) localStorage.removeItem(KEY);
});

restore();
// Once htmx listens, the quote is asked for what was restored.
if (document.readyState === "complete") begin();
else addEventListener("load", begin);
document.addEventListener("page:shown", begin);
