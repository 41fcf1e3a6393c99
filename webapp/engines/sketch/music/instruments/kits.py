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
# Of these the font has several, on neighbouring keys.
_KEYS: Final = {"tom": VARIANTS, "scratch": 2}
_STAND_INS: Final = {
    "pedal_hat": "hat", "open_hat": "open hat", "tambourine": "shaker", "cowbell": "rim", "bongo": "tom",
    "conga": "tom", "djembe": "tom", "cajon": "tom", "agogo": "rim", "guiro": "shaker", "woodblock": "rim",
    "triangle": "ride", "sleigh": "shaker", "taiko": "tom", "timpani": "tom", "tabla": "tom",
    "scratch": "shaker",
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
        level = self._entry.get("levels", {}).get(piece, about["level"])
        mono = self._source(piece, (layer + 0.8) / 3, variant)
        mono = mono[: np.flatnonzero(np.abs(mono) > 1e-4)[-1] + 1] if np.any(np.abs(mono) > 1e-4) else mono
        mono = mono * np.float32(level / max(1e-6, float(np.abs(mono).max())))
        # No two strokes are quite alike.
        rng = np.random.default_rng([self._seed % 2**63, layer, variant, *piece.encode()])
        mono *= np.float32(rng.uniform(0.94, 1.0))
        last = min(_FADE_FRAMES, len(mono))
        mono[-last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return panned(mono, about["pan"])

    def _source(self, piece: str, velocity: float, variant: int) -> Samples:
        named = self._entry.get(piece)
        if isinstance(named, str):
            names = named.split()
            shot = self._samples.one_shot(names[variant % len(names)])
            if shot is not None:
                return shot
        about = {**_data()["pieces"][piece], **(named if isinstance(named, dict) else {})}
        sampler = self._sampler_of(about.get("program", self._entry.get("program", 0)))
        if sampler is not None and "key" in about:
            return sampler.play(about["key"] + variant % _KEYS.get(piece, 1), velocity, _RING_S)
        own = _STAND_INS.get(piece, piece)
        return synthesised(own if own in MAKERS else "rim", self._seed, variant)

    def _sampler_of(self, program: int) -> Sampler | None:
        """The font's kit of that number; None where this one is synthesised, or the font is not there."""
        if self._entry.get("synthetic"):
            return None
        try:
            return self._samples.sampler(DRUM_BANK, program)
        except (SoundFontError, ValueError):
            return None
