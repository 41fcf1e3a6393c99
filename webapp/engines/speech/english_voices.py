"""The mechanism that the neural English voices share: from a text to phonemes, and from those to sound.

Only the speaker process uses them. It loads a voice; the children that it forks speak.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from webapp.engines.speech.english_readers import EnglishReaders

SAMPLE_RATE: Final = 24_000
# Fixed, so that breath and hiss are the same each time.
SEED: Final = 1
FULL_SCALE: Final = 32_767

Samples = npt.NDArray[np.float32]


def most_phonemes(text: str) -> float:
    """Return more phonemes than a text is likely to have: a digit or a mark may be a word of many."""
    letters = sum(map(str.isalpha, text))
    return 1.6 * letters + 30 * (len(text) - letters - sum(map(str.isspace, text)))


class Unreadable(Exception):
    """The rules of reading fail on a text; says how, in words that quote nothing of it."""


class EnglishVoices(ABC):
    """Loads the voices of one engine and speaks with them."""

    # How long a text may last at least; infinite where the limit of all voices will do.
    longest_s: ClassVar[float] = math.inf
    # Less than any text took for a phoneme or mark of stress, at normal speed.
    shortest_phoneme_s: ClassVar[float] = 0.045

    def __init__(self, readers: EnglishReaders) -> None:
        self._readers = readers
        # Lives as long as the child that reads a text: first for its length, then to speak it.
        self._read: dict[tuple[str, str], list[str]] = {}

    @abstractmethod
    def load(self, source: str) -> None:
        """Load a voice, with all that reading words needs. Raises the errors of its packages."""

    @abstractmethod
    def _phonemize(self, text: str, source: str) -> Sequence[str]:
        """Return the phonemes of a text, in as many parts as the model takes at a time."""

    @abstractmethod
    def _synthesize(self, parts: Sequence[str], source: str, speed: float, pitch: float) -> list[Samples]:
        """Return the sound of each part, within -1 and 1."""

    def shortest_s(self, text: str, source: str, speed: float) -> float:
        """Return how long a text lasts at least, which takes a small part of the time of speaking it.

        Raises Unreadable.
        """
        phonemes = "".join(self._phonemes(text, source))
        return self.shortest_phoneme_s / speed * sum(phoneme.isalpha() for phoneme in phonemes)

    def speak(self, text: str, source: str, speed: float, pitch: float = 1.0) -> tuple[int, bytes]:
        """Speak a text; return the sample rate and 16-bit mono samples, none for a text without sounds.

        Raises Unreadable, and what the model raises.
        """
        parts = [part for part in self._phonemes(text, source) if any(map(str.isalpha, part))]
        if not parts:
            return SAMPLE_RATE, b""
        samples = np.clip(np.concatenate(self._synthesize(parts, source, speed, pitch)), -1, 1) * FULL_SCALE
        return SAMPLE_RATE, samples.astype(np.int16).tobytes()

    def _phonemes(self, text: str, source: str) -> list[str]:
        if (text, source) not in self._read:
            try:
                self._read[text, source] = list(self._phonemize(text, source))
            except Exception as error:
                raise Unreadable(type(error).__name__) from error
        return self._read[text, source]
