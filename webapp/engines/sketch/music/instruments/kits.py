"""Drum kits: pieces from the font, from one-shots, or synthesised."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.drum_synthesis import MAKERS, synthesised
from webapp.engines.sketch.music.instruments.sampler import Sampler
from webapp.engines.sketch.music.instruments.samples import DRUM_BANK, SampleLibrary
from webapp.engines.sketch.music.instruments.soundfont import SoundFontError
from webapp.engines.sketch.music.instruments.synthesis import panned

_DATA: Final = Path(__file__).parents[1] / "data"
VARIANTS: Final = 4
_RING_S: Final = 2.5
_FADE_FRAMES = 160
_STAND_INS: Final = {
    "pedal_hat": "hat", "open_hat": "open hat", "tambourine": "shaker", "cowbell": "rim", "bongo": "tom",
    "conga": "tom", "djembe": "tom", "cajon": "tom", "agogo": "rim", "guiro": "shaker", "woodblock": "rim",
    "triangle": "ride", "sleigh": "shaker", "taiko": "tom", "timpani": "tom", "tabla": "tom",
}  # fmt: skip


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((_DATA / "kits.toml").read_text(encoding="utf-8"))


def kit_names() -> frozenset[str]:
    """The kits that there are."""
    return frozenset(_data()) - {"pieces"}


def piece_names() -> frozenset[str]:
    """The pieces that a kit may be asked for."""
    return frozenset(_data()["pieces"])


class DrumKit:
    """One kit. Each piece is rendered in a few variants, which take turns."""

    def __init__(self, name: str, samples: SampleLibrary, seed: int) -> None:
        """Raises KeyError for an unknown kit."""
        self._entry: dict[str, Any] = _data()[name]
        self._samples = samples
        self._seed = seed
        self._kept: dict[tuple[str, int, int], Samples] = {}
        self._sampler: Sampler | None = None
        if not self._entry.get("synthetic"):
            try:
                self._sampler = samples.sampler(DRUM_BANK, self._entry["program"])
            except (SoundFontError, ValueError):
                self._sampler = None

    def hit(self, piece: str, velocity: float, number: int) -> Samples:
        """One stroke of shape (2, frames); ``number`` counts the strokes of a piece."""
        layer = min(2, int(velocity * 3))
        key = (piece, layer, number % VARIANTS)
        if key not in self._kept:
            self._kept[key] = self._rendered(piece, layer, number % VARIANTS)
        hit: Samples = self._kept[key] * np.float32(velocity)
        return hit

    def _rendered(self, piece: str, layer: int, variant: int) -> Samples:
        about = _data()["pieces"][piece]
        mono = self._source(piece, (layer + 0.8) / 3, variant)
        mono = mono[: np.flatnonzero(np.abs(mono) > 1e-4)[-1] + 1] if np.any(np.abs(mono) > 1e-4) else mono
        mono = mono * np.float32(about["level"] / max(1e-6, float(np.abs(mono).max())))
        # No two strokes are quite alike.
        rng = np.random.default_rng([self._seed % 2**63, layer, variant, *piece.encode()])
        mono *= np.float32(rng.uniform(0.94, 1.0))
        last = min(_FADE_FRAMES, len(mono))
        mono[-last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return panned(mono, about["pan"])

    def _source(self, piece: str, velocity: float, variant: int) -> Samples:
        if named := self._entry.get(piece):
            names = named.split()
            shot = self._samples.one_shot(names[variant % len(names)])
            if shot is not None:
                return shot
        if self._sampler is not None:
            key = _data()["pieces"][piece]["key"]
            return self._sampler.note(key + (variant if piece == "tom" else 0), velocity, _RING_S)
        own = _STAND_INS.get(piece, piece)
        return synthesised(own if own in MAKERS else "rim", self._seed, variant)
