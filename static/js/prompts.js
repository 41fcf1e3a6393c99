// Puts prompts into the form: examples, and surprises that the server thinks of. Without script both are links.

function fill(words) {
  const prompt = document.getElementById("prompt");
  prompt.value = words;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  prompt.focus();
}

async function surprise(link) {
  const model = document.querySelector("#compose [name='model']:checked")?.value ?? "music";
  const response = await fetch(`${link.href}?${new URLSearchParams({ model })}`, {
    headers: { "HX-Request": "true" },
  });
  if (response.ok) fill(await response.text());
  else location.assign(link.href);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-example], [data-surprise]");
  if (!link || !document.getElementById("prompt") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.matches("[data-surprise]")) surprise(link);
  else fill(link.dataset.example);
});

// A browser leaves an example half in sight where it is.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-example]")) target.scrollIntoView({ block: "nearest", inline: "nearest" });
});

document.addEventListener("keydown", (event) => {
  const isSubmit = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (!isSubmit || event.target.id !== "prompt") return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
