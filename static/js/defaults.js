// Shows what the chosen model takes for settings that are left empty.

function show() {
  const chosen = document.querySelector("#compose [name='model']:checked");
  const defaults = JSON.parse(chosen?.dataset.defaults ?? "{}");
  for (const field of document.querySelectorAll("#compose [data-has-default]")) {
    field.placeholder = defaults[field.name] ?? "";
  }
}

show();
document.addEventListener("page:shown", show);
document.addEventListener("change", (event) => {
  if (event.target.matches("#compose [name='model']")) show();
});
