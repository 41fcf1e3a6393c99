// Counts the characters of a field, as the server counts them: by code points.

const format = new Intl.NumberFormat("en");

function count(field) {
  const counter = document.querySelector(`[data-counter-for="${field.id}"]`);
  if (!counter) return;
  const length = [...field.value.trim()].length;
  const max = Number(counter.dataset.max);
  counter.textContent = `${format.format(length)} / ${format.format(max)}`;
  counter.classList.toggle("over", length > max);
}

function countAll() {
  for (const counter of document.querySelectorAll("[data-counter-for]")) {
    count(document.getElementById(counter.dataset.counterFor));
  }
}

countAll();
document.addEventListener("page:shown", countAll);
document.addEventListener("input", (event) => count(event.target));
