"""Levels a sound while it is being made, with a gain that is fixed by its beginning."""

import math
from typing import Final

import numpy as np

from webapp.audio.finish import FADE_IN_S, FADE_OUT_S, fade_rise
from webapp.audio.levelling import CEILING_DBTP, LIMITER_MARGIN_DB
from webapp.audio.live.limiter import LiveLimiter
from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Samples, Waveform, frame_count

# So much of a sound decides about its gain; a silent beginning is waited through for longer.
JUDGED_S: Final = (1.0, 2.0)
# What begins softly may become loud, which the limiter would flatten.
MOST_GAIN_DB: Final = 18.0


class LiveLeveller:
    """Levels chunk by chunk: one gain from beginning to end, and a true-peak limiter behind it.

    What comes out does not depend on how the sound is cut into chunks.
    """

    def __init__(self, sample_rate: int, frames: int, *, target_lufs: float) -> None:
        """The sound gets at most `frames` frames; what an engine makes beyond them is left out."""
        self._rate = sample_rate
        self._frames = frames
        self._target_lufs = target_lufs
        self._first: list[Samples] = []
        self._taken = 0
        self._limiter: LiveLimiter | None = None
        self._given = 0

    def feed(self, chunk: Samples) -> Samples | None:
        """Return the next samples, of shape (channels, frames); None while there are none."""
        chunk = np.nan_to_num(chunk[:, : self._frames - self._taken], nan=0.0, posinf=0.0, neginf=0.0)
        if not chunk.shape[1]:
            return None
        self._taken += chunk.shape[1]
        if self._limiter is None:
            self._first.append(chunk)
            if (gain_db := self._judged()) is None:
                return None
            return self._begun(gain_db)
        return self._passed(self._limiter.feed(chunk))

    def flush(self) -> Samples | None:
        """Return the rest, which ends in silence; None if there is no sound at all."""
        if not self._taken:
            return None
        begun = None
        if self._limiter is None:
            begun = self._begun(self._gain_db(np.concatenate(self._first, axis=1)) or 0.0)
        if self._limiter is None:
            raise AssertionError("a sound that has begun has a limiter")
        parts = [part for part in (begun, self._passed(self._limiter.flush())) if part is not None]
        if not parts:
            return None
        rest = np.concatenate(parts, axis=1)
        fade = min(frame_count(FADE_OUT_S, self._rate), rest.shape[1])
        rest[:, rest.shape[1] - fade :] *= fade_rise(fade)[::-1]
        return rest

    def _judged(self) -> float | None:
        """Return the gain, by exactly so much of the sound; None as long as more has to be heard."""
        enough, most = (frame_count(seconds, self._rate) for seconds in JUDGED_S)
        if self._taken < enough:
            return None
        heard = np.concatenate(self._first, axis=1)
        gain_db = self._gain_db(heard[:, :enough])
        if gain_db is None and self._taken >= most:
            return self._gain_db(heard[:, :most]) or 0.0
        return gain_db

    def _gain_db(self, heard: Samples) -> float | None:
        """Return what brings a beginning to the target; None for silence."""
        loudness = integrated_loudness(Waveform(heard, self._rate))
        return None if loudness == -math.inf else min(MOST_GAIN_DB, self._target_lufs - loudness)

    def _begun(self, gain_db: float) -> Samples | None:
        heard, self._first = np.concatenate(self._first, axis=1), []
        aim_dbtp = CEILING_DBTP - LIMITER_MARGIN_DB
        self._limiter = LiveLimiter(self._rate, len(heard), gain_db=gain_db, aim_dbtp=aim_dbtp)
        return self._passed(self._limiter.feed(heard))

    def _passed(self, samples: Samples) -> Samples | None:
        """Count samples that are given out; the first ones rise from silence, so that nothing clicks."""
        frames = samples.shape[1]
        if not frames:
            return None
        fade = frame_count(FADE_IN_S, self._rate)
        if self._given < fade:
            part = fade_rise(fade)[self._given : self._given + frames]
            samples[:, : part.size] *= part
        self._given += frames
        return samples
