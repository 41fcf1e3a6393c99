// Audio elements of the page itself that a button plays: the sample of a voice.

export function connectInline() {
  const audioOf = (button) => document.getElementById(button.dataset.playInline);

  function show() {
    for (const button of document.querySelectorAll("[data-play-inline]")) {
      button.classList.toggle("is-playing", audioOf(button)?.paused === false);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play-inline]");
    const audio = button && audioOf(button);
    if (!audio) return;
    if (audio.paused) audio.play().catch(show);
    else audio.pause();
  });
  for (const type of ["play", "pause", "ended", "emptied"]) document.addEventListener(type, show, true);
}
