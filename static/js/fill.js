// Shows what is typed in one field elsewhere on the page: <input data-fill="selector" data-fill-empty="…">.

document.addEventListener("input", (event) => {
  const { target } = event;
  if (!target.matches("[data-fill]")) return;
  const text = target.value.trim() || target.dataset.fillEmpty;
  for (const place of document.querySelectorAll(target.dataset.fill)) place.textContent = text;
});
