// Takes short messages away once they had time to be read, or to be answered where they have a button;
// whoever points at one, or is in it by keyboard, keeps it.

const SHOWN_MS = 6000;
const ANSWERABLE_MS = 20000;

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

export function toast(text) {
  const element = document.createElement("p");
  element.className = "toast";
  element.textContent = text;
  document.getElementById("toasts").append(element);
}

for (const id of ["notices", "toasts"]) {
  const region = document.getElementById(id);
  if (!region) continue;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) expire(node);
    }
  }).observe(region, { childList: true });
}

// What one does while the server is away must not fail in silence; the live connection says so for itself.
document.addEventListener("htmx:error", ({ target, detail }) => {
  if (target.id !== "live" && detail.ctx?.request) toast("The server did not answer. See whether it was done before you repeat it.");
});
