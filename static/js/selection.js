// Choosing several of a list: counts what is ticked, ticks all, and shows what can be done with them.
// <form data-selection data-one="{number} job" data-many="{number} jobs"> … <input type="checkbox" name="id" form="…"> … <div data-selection-bar>

function boxes(form) {
  // Not form.id, which is the field of that name.
  const id = form.getAttribute("id");
  return [...document.querySelectorAll(`input[type="checkbox"][name="id"][form="${id}"]`)];
}

export function chosenIn(form) {
  return boxes(form).filter((box) => box.checked);
}

export function countOf(form, number) {
  const { one, many } = form.dataset;
  return (number === 1 ? one : many).replace("{number}", number);
}

// What lies at the bottom must be known to what scrolls above it: the bar has more lines on a narrow window.
const sized = new ResizeObserver((entries) => {
  const shown = entries.map(({ target }) => target).find((bar) => bar.isConnected && bar.matches(".is-shown"));
  const root = document.documentElement.style;
  if (shown) root.setProperty("--bar-height", `calc(${shown.offsetHeight}px + var(--space-4))`);
  else root.removeProperty("--bar-height");
});

function show(form) {
  const all = boxes(form);
  const chosen = chosenIn(form).length;
  const bar = form.querySelector("[data-selection-bar]");
  bar?.classList.toggle("is-shown", chosen > 0);
  if (bar) sized.observe(bar);
  for (const counter of form.querySelectorAll("[data-selection-count]")) {
    counter.textContent = countOf(form, chosen);
  }
  const every = form.querySelector("[data-selection-all]");
  if (!every) return;
  every.checked = chosen > 0 && chosen === all.length;
  every.indeterminate = chosen > 0 && chosen < all.length;
}

function showAll() {
  document.documentElement.style.removeProperty("--bar-height");
  for (const form of document.querySelectorAll("form[data-selection]")) show(form);
}

document.addEventListener("change", (event) => {
  const { target } = event;
  const form = target.form?.matches("form[data-selection]") ? target.form : null;
  if (!form) return;
  if (target.matches("[data-selection-all]")) {
    for (const box of boxes(form)) box.checked = target.checked;
  }
  show(form);
});

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-selection-clear]")?.form;
  if (!form) return;
  for (const box of boxes(form)) box.checked = false;
  show(form);
});

// Enter in the name of a new playlist makes it; a form's first button would be another one.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-selection-bar] [name='playlist_name']")) return;
  event.preventDefault();
  event.target.parentElement.querySelector("button").click();
});

for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, showAll);
showAll();
