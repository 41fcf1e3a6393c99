// Asks before what cannot be taken back: elements with hx-confirm="question" and data-confirm-yes="verb".
// Without script the server asks by a page of its own, so a confirmed request says that it is.

const dialog = document.getElementById("confirm");

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm || !dialog?.showModal) return;
  event.preventDefault();
  const yes = dialog.querySelector("#confirm-yes");
  dialog.querySelector("h2").textContent = ctx.confirm;
  yes.textContent = ctx.sourceElement.dataset.confirmYes ?? "Yes";
  yes.classList.toggle("danger", "confirmDanger" in ctx.sourceElement.dataset);
  dialog.returnValue = "no";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "yes") return dropRequest();
      if (ctx.request.body instanceof URLSearchParams) ctx.request.body.set("confirmed", "yes");
      issueRequest();
    },
    { once: true },
  );
  dialog.showModal();
});

// What was asked about is no longer there.
document.addEventListener("page:left", () => dialog?.open && dialog.close("no"));
