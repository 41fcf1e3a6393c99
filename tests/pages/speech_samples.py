"""The speech page's contexts in each of their states, for the test of all templates."""

from collections.abc import Iterator
from typing import Any

from tests.pages.library_samples import ADA, CARDS, LONG
from webapp.pages.frame.chrome import Chrome
from webapp.pages.speech.contexts import (
    SpeakingFragment,
    SpeakingStateFragment,
    SpeechForm,
    SpeechFormFragment,
    SpeechPage,
    SpokenListFragment,
    VoiceChoice,
    VoiceChoiceFragment,
)
from webapp.services.speech.views import SpeechProgress, VoiceView

VOICE = VoiceView("espeak-en", LONG[:60], "en-US", "basic", 22_050, "A voice", "GPL-3.0", "espeak-ng")
CHOICE = VoiceChoice((("en", "English"), ("ar", "العربية")), "en", (VOICE,), VOICE)
NO_VOICE = VoiceChoice((), "", (), None)


def samples() -> Iterator[Any]:
    fields = (None, "text", "voice", "speed")
    typed = {"text": LONG}
    forms = [
        SpeechForm(CHOICE, 3, 10, None),
        SpeechForm(NO_VOICE, 0, 10, 60, is_over_limit=True),
        *(SpeechForm(CHOICE, 1, 10, 60, fields=typed, error="Wrong", error_field=name) for name in fields),
    ]
    for form in forms:
        yield VoiceChoiceFragment(form)
        yield SpeechFormFragment(form)
        yield SpeechFormFragment(form, is_signed_in=False)
    yield SpeechPage(Chrome("speech", ADA, live="library"), forms[0], CARDS)
    yield SpeechPage(Chrome("speech"), forms[1], ())
    yield SpokenListFragment(CARDS)
    for status, refusal in (("processing", ""), ("completed", ""), ("failed", ""), ("failed", "Cancelled")):
        progress = SpeechProgress(
            "a1b2c3d4e5f6", status, "0" * 20, "espeak-en", LONG, 9, 3, 4.0, refusal, "mp3"
        )
        yield SpeakingFragment(progress)
        yield SpeakingStateFragment(progress)
