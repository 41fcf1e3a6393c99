// Shows beside the button which settings differ from the usual ones, each with a button that takes it back: what was
// set once would else go on unseen, in a part of the form that is closed. <input data-setting="name" data-unset="usual">

import { word } from "./words.js";

const form = () => document.getElementById("compose");

function isUsual(field) {
  if (field.type === "checkbox" || field.type === "radio") return !field.checked || field.value === field.dataset.unset;
  const { value } = field;
  return value === "" || value === (field.dataset.unset ?? field.placeholder);
}

function words(field) {
  const { setting, unit = "" } = field.dataset;
  return field.type === "checkbox" ? setting : `${setting} ${field.value}${unit}`;
}

function chip(field) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.dataset.takesBack = field.name;
  // Text, and no label: a chip must not be found as the field that it speaks of.
  const remove = document.createElement("span");
  remove.className = "visually-hidden";
  remove.textContent = `${word("removeSetting")} `;
  button.append(remove, words(field));
  item.append(button);
  return item;
}

function show() {
  const list = document.getElementById("in-force");
  if (!list) return;
  const changed = [...form().querySelectorAll("[data-setting]")].filter((field) => !isUsual(field));
  const texts = changed.map(words).join();
  if (list.dataset.shown === texts) return;
  list.dataset.shown = texts;
  list.replaceChildren(...changed.map(chip));
}

function takeBack(name) {
  const fields = [...form().querySelectorAll(`[data-setting][name="${name}"]`)];
  for (const field of fields) {
    if (field.type === "checkbox") field.checked = false;
    else if (field.type === "radio") field.checked = field.value === field.dataset.unset;
    else field.value = field.dataset.unset ?? "";
  }
  for (const type of ["input", "change"]) fields[0].dispatchEvent(new Event(type, { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-takes-back]");
  if (!button) return;
  takeBack(button.dataset.takesBack);
  const next = document.querySelector("#in-force button") ?? form().querySelector("[type='submit']");
  next.focus();
});

for (const type of ["input", "change"]) {
  document.addEventListener(type, (event) => event.target.form?.id === "compose" && show());
  form()?.addEventListener(type, show);
}
for (const type of ["page:shown", "htmx:after:swap"]) document.addEventListener(type, show);
show();
