// Search as one types: the first letter makes an entry in the history, the next ones change it, so that one
// step back leads out of the search and not through every letter of it.

let lastTyped = null;

document.addEventListener("input", (event) => {
  if (event.target.matches("input[type='search']")) lastTyped = event.target.form;
});

document.addEventListener("htmx:before:history:update", (event) => {
  const { history: action, sourceElement } = event.detail;
  if (!sourceElement?.matches?.("form[data-search]")) return;
  const isTyping = lastTyped === sourceElement;
  if (isTyping && history.state?.isSearch) action.type = "replace";
  sourceElement.dataset.typing = isTyping ? "yes" : "";
});

document.addEventListener("htmx:after:history:update", (event) => {
  const { sourceElement } = event.detail;
  if (!sourceElement?.matches?.("form[data-search]")) return;
  if (sourceElement.dataset.typing) history.replaceState({ ...history.state, isSearch: true }, "");
  lastTyped = null;
});
