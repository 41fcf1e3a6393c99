"""The views of speech: plain values, ready to be rendered."""

from typing import Final

import msgspec

from webapp.policy.queue.job_status import ACTIVE

# The engine whose voices are no models.
FORMANTS: Final = "espeak-ng"


class VoiceView(msgspec.Struct, frozen=True):
    """A voice that can be spoken with now.

    `language` is a BCP 47 tag; `license` is the voice's own. `commercial_use` tells whether the speech may be
    used commercially; null where that is unclear.
    """

    id: str
    name: str
    language: str
    quality: str
    sample_rate: int
    description: str
    license: str
    engine: str
    commercial_use: bool | None = None

    @property
    def is_neural(self) -> bool:
        """Return whether a model speaks, and no formant synthesis."""
        return self.engine != FORMANTS


class SpokenSound(msgspec.Struct, frozen=True):
    """A text that was spoken; its sound is in its owner's library."""

    generation_id: str
    voice: str
    duration_s: float

    def url(self, extension: str = "wav") -> str:
        """Where the sound is served in one of its formats."""
        return f"/audio/{self.generation_id}.{extension}"


class SpeechProgress(msgspec.Struct, frozen=True):
    """The progress of a text. `sentences` is 0 until it is known how many there are.

    `refusal` says why one failed, where that is known.
    """

    request_id: str
    status: str
    generation_id: str
    voice: str
    text: str
    sentences: int
    sentences_done: int
    duration_s: float | None
    refusal: str
    stream_format: str

    @property
    def is_active(self) -> bool:
        """Return whether it is still to be spoken."""
        return self.status in ACTIVE

    @property
    def percent(self) -> int:
        """Return the share that is spoken, 0 to 100."""
        if self.status == "completed":
            return 100
        return 100 * self.sentences_done // self.sentences if self.sentences else 0
