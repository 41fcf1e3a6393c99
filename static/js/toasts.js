// Takes short messages away once they had time to be read; whoever points at one keeps it.

const SHOWN_MS = 6000;

function expire(element) {
  let timer = setTimeout(() => element.remove(), SHOWN_MS);
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  element.addEventListener("pointerleave", () => {
    timer = setTimeout(() => element.remove(), SHOWN_MS);
  });
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
  if (target.id !== "live" && detail.ctx?.request) toast("The server cannot be reached. Nothing was changed.");
});
