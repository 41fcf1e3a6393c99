"""The interface between the speech worker and the speech engine."""

from dataclasses import dataclass
from typing import Literal

from webapp.audio.waveform import Samples
from webapp.engines.base import EngineError

EngineName = Literal["espeak-ng", "hibari", "kokoro", "piper"]
Gender = Literal["female", "male", ""]


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
    path of a neural model. `license` is that of the voice; `commercial_use` tells whether speech may be used
    commercially, and is None where that is unclear. `gender` is empty where it is unknown.
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
    commercial_use: bool | None = None
    gender: Gender = ""

    @property
    def reads_english_only(self) -> bool:
        """Return whether the voice skips whatever is no English."""
        return self.engine in ("hibari", "kokoro")

    @property
    def is_neural(self) -> bool:
        """Return whether a model speaks, and no formant synthesis."""
        return self.engine != "espeak-ng"

    @property
    def sound_license(self) -> str:
        """Return the licence of the voice's output: a neural voice's own, or none for a program's."""
        return self.license if self.is_neural else ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A voice that is there and cannot be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text that is spoken in one voice and manner.

    `speed` and `pitch` are 1 where they are the voice's own. `pause_s` is the silence that follows; None for
    what the text itself asks for.
    """

    text: str
    voice_id: str
    speed: float = 1.0
    pitch: float = 1.0
    pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text for one voice, and the silence that follows it.

    `spare` is a voice of eSpeak NG; it speaks a piece that the voice has no sounds for. `sentence` is the
    number of the sentence that the piece belongs to.
    """

    text: str
    voice: Voice
    pause_s: float
    spare: Voice | None = None
    speed: float = 1.0
    pitch: float = 1.0
    sentence: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A spoken sentence: the `number`th of `total`, counted from 1.

    `samples` begin with the silence that precedes it; `begin_s` and `end_s` are the moments within the whole
    sound between which it is heard. A sentence without any sound has no samples.
    """

    text: str
    number: int
    total: int
    samples: Samples
    begin_s: float
    end_s: float
