// Puts the lines of a list in another order by dragging: <ol data-reorder="form id"> with [data-grip] in each
// line. The buttons beside each line do the same one step at a time, with and without script.

import { askAgain, isNavigation } from "./freshness.js";

let dragged = null;
let orderBefore = "";
let isBehind = false;
let sending = 0;

function orderOf(list) {
  return [...list.children].map((line) => line.dataset.sound).join(" ");
}

function lineAt(list, y) {
  return [...list.children].find((line) => {
    const box = line.getBoundingClientRect();
    return line !== dragged && y < box.top + box.height / 2;
  });
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  dragged = grip.closest("[data-reorder] > *");
  dragged.classList.add("is-dragged");
  orderBefore = orderOf(dragged.parentElement);
  grip.setPointerCapture(event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  // It may have been taken out of the list elsewhere, meanwhile.
  if (!dragged?.isConnected) return;
  const list = dragged.parentElement;
  const before = lineAt(list, event.clientY) ?? null;
  if (before !== dragged.nextElementSibling) list.insertBefore(dragged, before);
});

function drop() {
  if (!dragged) return;
  const list = dragged.isConnected ? dragged.parentElement : null;
  dragged.classList.remove("is-dragged");
  dragged = null;
  const isMoved = list && orderOf(list) !== orderBefore;
  // The answer to a new order has the list ask for itself.
  if (isBehind && !isMoved) askAgain();
  isBehind = false;
  if (!isMoved) return;
  const form = document.getElementById(list.dataset.reorder);
  form.elements.ids.value = orderOf(list);
  sending += 1;
  form.requestSubmit();
}

document.addEventListener("pointerup", drop);
document.addEventListener("pointercancel", drop);

// Nothing moves under somebody's hand, nor back to what it was while a new order is on its way.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (isNavigation(ctx) || !ctx.target?.querySelector?.("[data-reorder]") || !(dragged || sending)) return;
  event.preventDefault();
  isBehind = true;
});

const isOrder = ({ ctx }) => ctx?.sourceElement?.getAttribute?.("id") === "order";

// An order that was refused, as when another window changed the list, gives way to the one that is.
for (const type of ["htmx:response:error", "htmx:error"]) {
  document.addEventListener(type, ({ detail }) => {
    if (isOrder(detail)) isBehind = true;
  });
}
document.addEventListener("htmx:finally:request", ({ detail }) => {
  if (!isOrder(detail)) return;
  sending = Math.max(0, sending - 1);
  if (sending || dragged || !isBehind) return;
  isBehind = false;
  askAgain();
});
