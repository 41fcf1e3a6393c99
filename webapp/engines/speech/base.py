"""The interface between the speech worker and the speech engine."""

from dataclasses import dataclass
from typing import Literal

from webapp.engines.base import EngineError

EngineName = Literal["espeak-ng", "piper"]


class SpeechError(EngineError):
    """A text could not be spoken."""

    user_message = "TTS generation failed"


class NothingToSpeak(SpeechError):
    """The text contains nothing that can be spoken, such as dots alone."""

    user_message = "Text has nothing that can be spoken"


class SpeechTooLong(SpeechError):
    """The spoken text would be longer than a sound may be."""

    user_message = "Text too long"


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that speaks texts.

    `language` is a BCP 47 tag. `source` identifies the voice to its engine: eSpeak NG's name of it, or the
    path of a Piper model. `license` is that of the voice.
    """

    voice_id: str
    name: str
    language: str
    quality: str
    sample_rate: int
    description: str
    license: str
    engine: EngineName
    source: str

    @property
    def sound_license(self) -> str:
        """Return the licence of the voice's output: a neural voice's own, or none for a program's."""
        return self.license if self.engine == "piper" else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text for one voice, and the silence that follows it at normal speed."""

    text: str
    voice: Voice
    pause_s: float
