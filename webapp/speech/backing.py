"""Sounds that texts are spoken over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.audio.decode import NotSound, decode
from webapp.audio.ducking import speech_over
from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import SpeechError

FILE: Final = "sound.flac"
LONGEST_S: Final = 3_600.0
# An hour of stereo at 48 kHz.
MOST_SAMPLES: Final = 2 * 48_000 * 3_600


class BackingGone(SpeechError):
    """The sound to speak over is not there, or cannot be read."""

    user_message = "The sound to speak over is not there any more"


@dataclass(frozen=True, slots=True)
class BackingFile:
    """The file of a sound that a text is spoken over, its licence, and how far it is lowered meanwhile."""

    path: Path
    license: str
    ducking_db: float

    def below(self, speech: Waveform) -> Waveform:
        """Mix speech over the sound. Raises BackingGone."""
        try:
            sound = decode(self.path, "flac", longest_s=LONGEST_S, most_samples=MOST_SAMPLES)
        except NotSound as error:
            raise BackingGone(str(error)) from error
        return speech_over(speech, sound, ducking_db=self.ducking_db)
