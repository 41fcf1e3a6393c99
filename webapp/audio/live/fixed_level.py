"""Levels sound that is still being made: the gain is fixed by what is heard first."""

import math
from typing import Final

from webapp.audio.levelling import CEILING_DBTP, limit
from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Waveform

# What is too short or too quiet to be measured is not raised by more than this.
MOST_GAIN_DB: Final = 24.0


class FixedLevel:
    """Applies one gain to all chunks of a sound, and limits their peaks.

    The first chunk that is loud enough to be measured decides the gain; chunks before it pass unchanged. Each
    chunk is to begin and end with silence: the limiter sees no further.
    """

    def __init__(self, target_lufs: float) -> None:
        self._target_lufs = target_lufs
        self._gain_db: float | None = None

    def apply(self, chunk: Waveform) -> Waveform:
        """Return the chunk at its level, below the ceiling."""
        if self._gain_db is None:
            loudness = integrated_loudness(chunk)
            if loudness == -math.inf:
                return chunk
            self._gain_db = min(MOST_GAIN_DB, self._target_lufs - loudness)
        return limit(chunk, self._gain_db, ceiling_dbtp=CEILING_DBTP)
