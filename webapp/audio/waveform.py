"""The form in which sound is passed between engines, signal processing and files."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]

MAX_CHANNELS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Sound as samples, full scale ±1.0.

    ``samples`` is float32 of shape (channels, frames); values may exceed full scale until the sound
    is levelled. Raises ValueError when the shape, the type or the sample rate is not usable.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2:
            raise ValueError(f"samples must have shape (channels, frames), not {self.samples.shape}")
        if self.samples.dtype != np.float32:
            raise ValueError(f"samples must be float32, not {self.samples.dtype}")
        if not 1 <= self.samples.shape[0] <= MAX_CHANNELS:
            raise ValueError(f"a waveform has 1 to {MAX_CHANNELS} channels, not {self.samples.shape[0]}")
        if self.samples.shape[1] == 0:
            raise ValueError("a waveform needs at least one frame")
        if self.sample_rate <= 0:
            raise ValueError(f"sample rate must be positive, not {self.sample_rate}")

    @property
    def channels(self) -> int:
        return len(self.samples)

    @property
    def frames(self) -> int:
        return self.samples.size // len(self.samples)

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate

    def with_samples(self, samples: Samples) -> "Waveform":
        """Return a waveform of other samples at the same sample rate."""
        return Waveform(samples, self.sample_rate)


def frame_count(duration_s: float, sample_rate: int) -> int:
    """Return the frames in ``duration_s`` seconds, rounded to the nearest whole frame."""
    return round(duration_s * sample_rate)
