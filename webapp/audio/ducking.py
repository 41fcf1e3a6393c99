"""Mixes speech over another sound, which is quieter while somebody speaks."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from webapp.audio.encode import at_rate
from webapp.audio.levelling import level
from webapp.audio.waveform import Samples, Waveform, frame_count

# What is heard of the other sound before the first word and after the last.
LEAD_S: Final = 1.5
TAIL_S: Final = 2.0
FADE_IN_S: Final = 0.3
# It is a little quieter than speech even where nobody speaks.
BACKING_LUFS: Final = -19.0
SPEECH_LUFS: Final = -16.0
_BLOCK_S: Final = 0.02
# Below the loudest block: nobody speaks.
_SILENT_DB: Final = -40.0
# Shorter pauses do not bring the other sound back; it fades away and comes back within the other time.
_HELD_S: Final = 0.9
_FADE_S: Final = 0.5
# Where a sound that is too short begins again.
_CROSSFADE_S: Final = 1.0


def speech_over(speech: Waveform, backing: Waveform, *, ducking_db: float) -> Waveform:
    """Return speech over a sound that is lowered by `ducking_db` while somebody speaks.

    The sound begins `LEAD_S` before the speech and fades out in `TAIL_S` after it; one that is shorter begins
    again. The result has the channels of the sound, and the higher one of the two sample rates.
    """
    rate = max(speech.sample_rate, backing.sample_rate)
    voice = at_rate(level(speech, target_lufs=SPEECH_LUFS).waveform, rate).samples.mean(axis=0)
    music = at_rate(level(backing, target_lufs=BACKING_LUFS).waveform, rate).samples
    lead, tail = frame_count(LEAD_S, rate), frame_count(TAIL_S, rate)
    padded = np.pad(voice, (lead, tail))
    mixed = _lasting(music, padded.size, frame_count(_CROSSFADE_S, rate))
    mixed *= _gain(padded, rate, ducking_db)
    fade_in = frame_count(FADE_IN_S, rate)
    mixed[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    mixed[:, -tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return Waveform(mixed + padded, rate)


def _lasting(samples: Samples, frames: int, crossfade: int) -> Samples:
    """Return a sound of so many frames, which begins again where it is over."""
    if samples.shape[1] >= frames:
        return samples[:, :frames].copy()
    overlap = min(crossfade, samples.shape[1] // 4)
    rise = np.sqrt(np.linspace(0, 1, overlap, dtype=np.float32))
    step = samples.shape[1] - overlap
    lasting = np.zeros((samples.shape[0], frames + samples.shape[1]), np.float32)
    for start in range(0, frames, step):
        again = samples.copy()
        if start:
            again[:, :overlap] *= rise
        again[:, samples.shape[1] - overlap :] *= rise[::-1]
        lasting[:, start : start + samples.shape[1]] += again
    return lasting[:, :frames]


def _gain(voice: Samples, rate: int, ducking_db: float) -> Samples:
    """Return the gain of the other sound for each frame; it is down in time for the first word."""
    block = frame_count(_BLOCK_S, rate)
    blocks = -(-voice.size // block)
    power = np.pad(voice, (0, blocks * block - voice.size)).reshape(blocks, block).astype(np.float64) ** 2
    loudness = power.mean(axis=1)
    is_voice: npt.NDArray[np.bool_] = loudness > loudness.max() * 10 ** (_SILENT_DB / 10)
    held = maximum_filter1d(is_voice.astype(np.float64), max(1, round(_HELD_S / _BLOCK_S)))
    kernel = np.hanning(round(_FADE_S / _BLOCK_S) + 2)
    smooth = np.convolve(np.pad(held, kernel.size // 2, mode="edge"), kernel / kernel.sum(), mode="same")
    smooth = smooth[kernel.size // 2 :][:blocks]
    centres = (np.arange(blocks) + 0.5) * block
    share = np.interp(np.arange(voice.size), centres, smooth)
    return np.power(10.0, -ducking_db * share / 20).astype(np.float32)
