// Asks before what cannot be undone: elements with hx-confirm="question", data-confirm-yes="what is done" and
// data-confirm-no="what is not". In all three, {chosen} is what is ticked in the element's form, as "3 jobs". Without
// script the server asks by a page of its own, so a confirmed request says that it is.

import { chosenIn, countOf } from "./selection.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("confirm");
let asked = null; // who asks, and what that was about

function words(text, form) {
  if (!form?.matches("form[data-selection]")) return text;
  return text.replaceAll("{chosen}", countOf(form, chosenIn(form).length));
}

// A card that changes may make another form of one, in the same place.
const about = (element) => ["hx-confirm", "hx-post", "action"].map((name) => element.getAttribute(name)).join();

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm || !dialog?.showModal) return;
  event.preventDefault();
  const { sourceElement } = ctx;
  const { confirmYes, confirmNo } = sourceElement.dataset;
  const yes = dialog.querySelector("#confirm-yes");
  dialog.querySelector("h2").textContent = words(ctx.confirm, sourceElement.form);
  dialog.querySelector("#confirm-no").textContent = words(confirmNo, sourceElement.form);
  yes.textContent = words(confirmYes, sourceElement.form);
  yes.classList.toggle("danger", "confirmDanger" in sourceElement.dataset);
  dialog.returnValue = "no";
  asked = { element: sourceElement, about: about(sourceElement), gone: sourceElement.dataset.confirmGone };
  dialog.addEventListener(
    "close",
    () => {
      asked = null;
      if (dialog.returnValue !== "yes") return dropRequest();
      if (ctx.request.body instanceof URLSearchParams) ctx.request.body.set("confirmed", "yes");
      issueRequest();
    },
    { once: true },
  );
  dialog.showModal();
});

// What was asked about is no longer there: data-confirm-gone says why.
document.addEventListener("htmx:after:swap", () => {
  if (!dialog?.open || !asked || (asked.element.isConnected && about(asked.element) === asked.about)) return;
  const { gone } = asked;
  dialog.close("no");
  if (gone) toast(gone);
});
document.addEventListener("page:left", () => dialog?.open && dialog.close("no"));
