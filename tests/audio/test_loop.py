"""Loops: exact in length, seamless at the wrap, steady in level across the crossfade."""

import numpy as np
import pytest

from webapp.audio.loop import loop_overlap_s, make_loop
from webapp.audio.waveform import Waveform, frame_count

RATE = 32_000


def long_sound(duration_s: float, *, tone: bool) -> Waveform:
    frames = round(duration_s * RATE)
    if tone:
        return Waveform(np.sin(2 * np.pi * 220 * np.arange(frames) / RATE).astype(np.float32)[None], RATE)
    return Waveform(np.random.default_rng(3).standard_normal((2, frames), np.float32), RATE)


@pytest.mark.parametrize("duration_s", [1.0, 2.3456, 8.0, 180.0])
def test_overlap_fits_the_loop(duration_s: float) -> None:
    assert 0 < loop_overlap_s(duration_s) <= duration_s / 2


@pytest.mark.parametrize("duration_s", [1.0, 2.3456, 5.0])
def test_length_is_exact(duration_s: float) -> None:
    frames = frame_count(duration_s, RATE)
    rendered = long_sound(duration_s + loop_overlap_s(duration_s), tone=False)
    assert make_loop(rendered, frames).frames == frames


def test_wrap_is_the_original_step_between_neighbouring_frames() -> None:
    rendered = long_sound(3.0, tone=False)
    frames = 2 * RATE
    looped = make_loop(rendered, frames).samples
    np.testing.assert_array_equal(looped[:, -1], rendered.samples[:, frames - 1])
    np.testing.assert_allclose(looped[:, 0], rendered.samples[:, frames], atol=1e-6)


def test_tone_that_does_not_fit_the_loop_wraps_without_a_click() -> None:
    rendered = long_sound(2.7013, tone=True)
    looped = make_loop(rendered, round(2.0013 * RATE)).samples[0]
    around = np.concatenate((looped[-200:], looped[:200]))
    assert np.abs(np.diff(around, n=2)).max() < 1.5 * np.abs(np.diff(rendered.samples[0], n=2)).max()
    # Without the crossfade the same cut does click, so the measure can fail.
    cut = rendered.samples[0, : looped.size]
    assert np.abs(np.diff(np.concatenate((cut[-200:], cut[:200])), n=2)).max() > 0.05


@pytest.mark.parametrize("tone", [True, False])
def test_level_holds_through_the_crossfade(tone: bool) -> None:
    """Related sounds add up as amplitudes, unrelated ones as powers; neither dips nor swells."""
    period = 100 / 220
    frames = round(4 * period * RATE)
    rendered = long_sound(frames / RATE + 0.9, tone=tone)
    looped = make_loop(rendered, frames).samples
    crossfaded, rest = looped[:, : round(0.9 * RATE)], looped[:, round(0.9 * RATE) :]
    change_db = 20 * np.log10(crossfaded.std() / rest.std())
    assert abs(change_db) < 0.3


@pytest.mark.parametrize("frames", [RATE, RATE + 1, RATE // 3])
def test_sound_that_cannot_make_the_loop_is_refused(frames: int) -> None:
    with pytest.raises(ValueError, match="loop"):
        make_loop(long_sound(1.0, tone=False), frames)
