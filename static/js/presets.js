// Sets a duration by one click, and shows which one is set.

const field = () => document.getElementById("duration");

function show() {
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.setAttribute("aria-pressed", Number(field().value) === Number(button.dataset.preset));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-preset]");
  if (!button) return;
  field().value = button.dataset.preset;
  for (const type of ["input", "change"]) field().dispatchEvent(new Event(type, { bubbles: true }));
});

for (const type of ["input", "change"]) {
  document.addEventListener(type, ({ target }) => (target.id === "duration" || target.id === "compose") && show());
}
for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
show();
