// Menus are <details>, which work by themselves; this closes them as people expect.

function closeAll(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

// Opens upwards where there is no room below.
function place(menu) {
  const panel = menu.querySelector(".menu-panel");
  if (!panel || panel.closest("#player")) return;
  panel.classList.remove("up");
  const player = document.getElementById("player");
  const floor = player && !player.hidden ? player.getBoundingClientRect().top : innerHeight;
  const { bottom, height } = panel.getBoundingClientRect();
  panel.classList.toggle("up", bottom > floor && menu.getBoundingClientRect().top > height);
}

document.addEventListener("toggle", ({ target }) => target.matches?.("details.menu[open]") && place(target), true);
document.addEventListener("htmx:after:swap", () => {
  for (const menu of document.querySelectorAll("details.menu[open]")) place(menu);
});

document.addEventListener("click", (event) => {
  const menu = event.target.closest("details.menu");
  closeAll(menu);
  if (menu && event.target.closest("a.menu-item, button.menu-item")) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("summary, .menu-item")];
  const at = items.indexOf(document.activeElement);
  items[(at + step + items.length) % items.length]?.focus();
});

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
