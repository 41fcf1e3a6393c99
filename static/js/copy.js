// Buttons that copy: data-copy="text", or data-copy-from="#element" for what it holds.
// data-copied is said then, with a link where data-copied-then and data-copied-href give one.

import { toast } from "./toasts.js";
import { word } from "./words.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = source ? (source.value ?? source.textContent) : new URL(button.dataset.copy, location.href).href;
  try {
    await navigator.clipboard.writeText(text);
    const { copied = word("copied"), copiedThen, copiedHref } = button.dataset;
    toast(copied, { link: copiedThen && { text: copiedThen, href: copiedHref } });
  } catch {
    toast(word("cannotCopy"));
  }
});
