// Search as one types: the first letter makes an entry in the history, the next ones change it, so that one
// step back leads out of the search and not through every letter of it.

const isSearch = (element) => element?.matches?.("form[data-search]");

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (isSearch(ctx.sourceElement)) ctx.sourceElement.dataset.typing = ctx.sourceEvent?.type === "input" ? "yes" : "";
});

document.addEventListener("htmx:before:history:update", (event) => {
  const { history: action, sourceElement } = event.detail;
  if (isSearch(sourceElement) && sourceElement.dataset.typing && history.state?.isSearch) action.type = "replace";
});

document.addEventListener("htmx:after:history:update", (event) => {
  const { sourceElement } = event.detail;
  if (!isSearch(sourceElement) || !sourceElement.dataset.typing) return;
  history.replaceState({ ...history.state, isSearch: true }, "");
});
