"""Every sound comes out at the target under the ceiling, with or without the limiter."""

import math

import numpy as np
import pytest

from webapp.audio.levelling import CEILING_DBTP, TARGET_LUFS, level
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.waveform import Samples, Waveform

RATE = 32_000


def noise(duration_s: float, scale: float = 0.1) -> Samples:
    return np.random.default_rng(1).standard_normal((2, round(duration_s * RATE)), np.float32) * np.float32(
        scale
    )


def beats(duration_s: float, floor: float) -> Samples:
    """Noise in short loud strokes over a quiet floor: far too peaky for a plain gain."""
    time_s = np.arange(round(duration_s * RATE)) / RATE
    return noise(duration_s) * (floor + np.exp(-(time_s % 0.5) * 40)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 0.05, 4.0])
def test_plain_gain_meets_the_target(scale: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE).astype(np.float32) * np.float32(scale)
    levelled = level(Waveform(np.tile(tone, (2, 1)), RATE))
    assert integrated_loudness(levelled.waveform) == pytest.approx(TARGET_LUFS, abs=0.01)
    assert levelled.limited_db == 0.0


@pytest.mark.parametrize("wraps", [False, True])
def test_limiter_meets_target_and_ceiling(wraps: bool) -> None:
    peaky = Waveform(beats(6, 0.02), RATE)
    levelled = level(peaky, wraps=wraps)
    assert levelled.limited_db > 3
    assert integrated_loudness(levelled.waveform) == pytest.approx(TARGET_LUFS, abs=0.5)
    assert true_peak(levelled.waveform, wraps=wraps) <= CEILING_DBTP + 0.01
    assert levelled.loudness_lufs == pytest.approx(integrated_loudness(levelled.waveform), abs=0.01)
    assert levelled.true_peak_dbtp == pytest.approx(true_peak(levelled.waveform, wraps=wraps), abs=0.01)


def test_limiter_leaves_no_audible_steps() -> None:
    """The gain that the limiter applied to a steady tone beside a loud stroke changes slowly."""
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(4 * RATE) / RATE).astype(np.float32)
    stroked = tone.copy()
    stroked[2 * RATE : 2 * RATE + 40] += np.float32(0.9)
    levelled = level(Waveform(stroked[None], RATE)).waveform.samples[0]
    loud = np.abs(tone) > 0.02
    gain_db = 20 * np.log10(np.abs(levelled[loud] / stroked[loud]))
    assert np.abs(np.diff(gain_db)).max() < 0.2


def test_loop_limiter_is_continuous_over_the_wrap() -> None:
    """A stroke at the very start pulls the gain down at the end too, when the end leads into it."""
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE).astype(np.float32)
    stroked = tone.copy()
    stroked[:40] += np.float32(0.9)
    last, first = 8, 6
    steps = {}
    for wraps in (True, False):
        levelled = level(Waveform(stroked[None], RATE), wraps=wraps).waveform.samples[0]
        gain = levelled[[-last, first]] / stroked[[-last, first]]
        steps[wraps] = abs(20 * math.log10(gain[0] / gain[1]))
    assert steps[True] < 1.0 < steps[False]


def test_silence_stays_silent() -> None:
    levelled = level(Waveform(np.zeros((2, RATE), np.float32), RATE))
    assert not levelled.waveform.samples.any()
    assert levelled.loudness_lufs == -math.inf


def test_single_clicks_end_under_the_ceiling_even_if_the_target_is_out_of_reach() -> None:
    clicks = np.zeros((1, 3 * RATE), np.float32)
    clicks[0, RATE] = 0.5
    levelled = level(Waveform(clicks, RATE))
    assert true_peak(levelled.waveform) <= CEILING_DBTP + 0.01


@pytest.mark.parametrize("frames", [1, 2, 31, 33, 3000])
def test_very_short_sounds_pass(frames: int) -> None:
    levelled = level(Waveform(np.full((1, frames), 0.5, np.float32), RATE), wraps=True)
    assert levelled.waveform.frames == frames
    assert np.isfinite(levelled.waveform.samples).all()
