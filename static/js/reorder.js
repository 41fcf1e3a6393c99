// Puts the lines of a list in another order by dragging: <ol data-reorder="form id"> with [data-grip] in each
// line. The buttons beside each line do the same one step at a time, with and without script.

let dragged = null;

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
  grip.setPointerCapture(event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const list = dragged.parentElement;
  const before = lineAt(list, event.clientY) ?? null;
  if (before !== dragged.nextElementSibling) list.insertBefore(dragged, before);
});

function drop() {
  if (!dragged) return;
  dragged.classList.remove("is-dragged");
  const list = dragged.parentElement;
  dragged = null;
  const form = document.getElementById(list.dataset.reorder);
  const ids = [...list.children].map((line) => line.dataset.sound).join(" ");
  if (form.elements.ids.value === ids) return;
  form.elements.ids.value = ids;
  form.requestSubmit();
}

document.addEventListener("pointerup", drop);
document.addEventListener("pointercancel", drop);
