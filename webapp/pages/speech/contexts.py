"""The contexts of the templates about speech: one dataclass for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from webapp.pages.frame.chrome import Chrome
from webapp.pages.library.contexts import SoundCard
from webapp.policy.speech import MAX_SPEED, MAX_TEXT_CHARACTERS, MIN_SPEED
from webapp.services.speech import SpeechProgress, VoiceView


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """The voices of one language, and the one that is chosen; None where there is none at all.

    `languages` has every language there is a voice for: its primary subtag and its name, by name. `missing`
    is the id of the default voice where it is not there and the chosen one speaks instead.
    """

    languages: tuple[tuple[str, str], ...]
    language: str
    voices: tuple[VoiceView, ...]
    voice: VoiceView | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class SpeechForm:
    """The form that asks for a text to be spoken, with what was typed and what was wrong about it.

    `left` of `hourly` texts can still be spoken in this hour, one more in `next_in_s` seconds; all None for
    strangers.
    """

    choice: VoiceChoice
    left: int | None
    hourly: int | None
    next_in_s: int | None
    is_over_limit: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    error_field: str | None = None
    max_text: int = MAX_TEXT_CHARACTERS
    min_speed: float = MIN_SPEED
    max_speed: float = MAX_SPEED


@dataclass(frozen=True, slots=True)
class SpeechPage:
    """Where texts are spoken, and those that were."""

    template: ClassVar[str] = "speech/speech.html"

    chrome: Chrome
    form: SpeechForm
    cards: tuple[SoundCard, ...]


@dataclass(frozen=True, slots=True)
class SpeechFormFragment:
    """The form alone."""

    template: ClassVar[str] = "speech/form.html"

    form: SpeechForm
    is_signed_in: bool = True


@dataclass(frozen=True, slots=True)
class SpeakingFragment:
    """A text that is being spoken, heard meanwhile."""

    template: ClassVar[str] = "speech/speaking.html"

    progress: SpeechProgress


@dataclass(frozen=True, slots=True)
class SpeakingStateFragment:
    """The progress of a text."""

    template: ClassVar[str] = "speech/speaking_state.html"

    progress: SpeechProgress


@dataclass(frozen=True, slots=True)
class VoiceChoiceFragment:
    """The fields that choose a voice."""

    template: ClassVar[str] = "speech/voice_choice.html"

    form: SpeechForm


@dataclass(frozen=True, slots=True)
class SpokenListFragment:
    """An account's spoken texts, newest first."""

    template: ClassVar[str] = "speech/spoken_list.html"

    cards: tuple[SoundCard, ...]
