"""The balance of a mix: how loud each part would be at its own, and the gain that puts it in its place."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.signal import sosfilt

from webapp.audio.loudness import k_weighting
from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE

# Where each role stands in the mix, as loudness in dB.
TARGETS_DB: Final = {
    "melody": -16.5, "answer": -19.5, "harmony": -21.0, "hands": -16.5, "chords": -20.0, "ostinato": -19.0,
    "arpeggio": -19.0, "pad": -22.0, "chorale": -17.0, "cluster": -19.0, "drone": -22.0, "stabs": -19.5,
    "riff": -16.5, "bass": -17.5, "chug": -17.5, "soli": -16.5, "fanfare": -16.5, "improvised": -16.5,
    "breathed": -16.5,
}  # fmt: skip
_CALM_DRUMS_DB, _WILD_DRUMS_DB = -19.5, -12.5
# Electronic music and trailers are about their beat; hands and brushes leave room for strings, and
# the drums of a march for its brass.
_BESIDE_DB: Final = {
    "909": 2.5, "808": 2.5, "hip hop": 2.5, "taiko": 2.5, "brushes": -2.5, "tabla": -2.5,
    "march": -4.0, "big band": -3.0,
}  # fmt: skip
_EVERY: Final = 4
_RATE: Final = SAMPLE_RATE // _EVERY
_PROBES: Final = 3
_LEAST_POWER: Final = 1e-9
_MOST_CHANGE_DB: Final = 18.0
_SILENCE_DB: Final = -90.0
# Short strokes are heard to go on for so long.
_HEARD_S: Final = 1.0

T = TypeVar("T")


def probes(items: Sequence[T]) -> list[T]:
    """A few of the items, evenly spread."""
    if len(items) <= _PROBES:
        return list(items)
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, _PROBES)]


def energy(sound: Samples) -> float:
    """The energy of a sound of shape (channels, frames), weighted as the ear does."""
    # A quarter of the rate tells nearly as much, in a quarter of the time.
    coarse = sound[:, : sound.shape[1] // _EVERY * _EVERY].reshape(len(sound), -1, _EVERY).mean(axis=2)
    weighted = sosfilt(_weighting(), coarse, axis=1)
    return float(np.sum(weighted**2)) / _RATE


def loudness_db(spans_s: Sequence[tuple[float, float]], mean_energy: float) -> float:
    """The loudness of sounds of that energy that begin and end at these times, while they are heard."""
    heard_s = _HEARD_S * len({second for span in spans_s for second in _seconds(*span)})
    power = mean_energy * len(spans_s) / max(_HEARD_S, heard_s)
    return 10 * float(np.log10(max(power, _LEAST_POWER)))


def _seconds(start_s: float, end_s: float) -> range:
    return range(int(start_s / _HEARD_S), int(max(start_s, end_s - 0.1) / _HEARD_S) + 1)


def gain(target_db: float, is_db: float) -> np.float32:
    """The factor from one loudness to another, within reason."""
    change_db = max(-_MOST_CHANGE_DB, min(_MOST_CHANGE_DB, target_db - is_db))
    return np.float32(10 ** (change_db / 20)) if is_db > _SILENCE_DB else np.float32(1.0)


def drums_db(piece_energy: float, kit: str) -> float:
    """Where the drums stand in a piece of this energy, 0 to 1."""
    return _CALM_DRUMS_DB + (_WILD_DRUMS_DB - _CALM_DRUMS_DB) * piece_energy + _BESIDE_DB.get(kit, 0.0)


def mean(items: Sequence[T], measure: Callable[[T], float]) -> float:
    """The mean of what is measured, over a few of the items."""
    tried = [measure(item) for item in probes(items)]
    return sum(tried) / max(1, len(tried))


@cache
def _weighting() -> npt.NDArray[np.float64]:
    return k_weighting(_RATE)
