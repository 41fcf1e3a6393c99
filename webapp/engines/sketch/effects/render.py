"""From a request to samples, section by section."""

import math
from collections.abc import Iterator

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import SAMPLE_RATE, Signal
from webapp.engines.sketch.effects.synthesis.levels import GAINS
from webapp.engines.sketch.effects.synthesis.space import Surroundings
from webapp.engines.sketch.effects.synthesis.streams import Filter

__all__ = ["SAMPLE_RATE", "render_effect"]

_SECTION = SAMPLE_RATE // 2
_LOWEST_HZ = 18.0
_KNEE, _ROOM = 0.7, 0.25  # samples above the knee bend; knee and room together are never passed
_RISE_S, _FALL_S = 0.004, 0.03
# The air of a place, some 70 dB below full scale: the world is never digitally silent.
_AIR, _AIR_TOP_HZ = 3.5e-4, 2500.0
_AIRLESS = frozenset({"game", "interface", "cinematic", "noise"})


def render_effect(request: EffectRequest, seed: int) -> Iterator[Samples]:
    """Yield the sound in sections of shape (2, n) until ``duration_s`` is filled.

    Sections are at most half a second long, and final when yielded. The same request and seed give the same
    sound.
    """
    effect = EFFECTS[request.sound]
    rng = np.random.default_rng([seed % 2**63, *request.sound.encode()])
    total = round(request.duration_s * SAMPLE_RATE)
    stream = effect.render(request, rng)
    surroundings = Surroundings(request.space or effect.space, request.distance, rng)
    no_offset = Filter("highpass", _LOWEST_HZ)
    gain = GAINS.get(effect.key, 1.0)
    air = 0.0 if effect.family in _AIRLESS else _AIR
    quiet = Filter("lowpass", _AIR_TOP_HZ, order=1)
    for start in range(0, total, _SECTION):
        block = no_offset(surroundings(stream(_SECTION) * gain))
        block = block + air * quiet(rng.standard_normal((2, _SECTION)))
        room = min(_SECTION, total - start)
        yield _bent(_faded(block[:, :room], start, total)).astype(np.float32)


def _faded(block: Signal, start: int, total: int) -> Signal:
    """Begin and end in silence, so that no end clicks."""
    place = start + np.arange(block.shape[1])
    rise, fall = min(_RISE_S * SAMPLE_RATE, total / 4), min(_FALL_S * SAMPLE_RATE, total / 4)
    shares = np.minimum(np.minimum(place / rise, (total - 1 - place) / fall), 1.0)
    return np.asarray(block * np.sin(shares.clip(0) * (math.pi / 2)) ** 2)


def _bent(block: Signal) -> Signal:
    """Keep rare peaks within full scale without a corner."""
    above = np.abs(block) - _KNEE
    bent = np.sign(block) * (_KNEE + _ROOM * np.tanh(above / _ROOM))
    return np.where(above > 0, bent, block)
