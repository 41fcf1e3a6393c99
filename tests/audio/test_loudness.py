"""Loudness and true peak against the numbers that the standards themselves give."""

import math

import numpy as np
import pytest

from webapp.audio.loudness import integrated_loudness, k_weighting, loudness_range, true_peak
from webapp.audio.waveform import Samples, Waveform


def sine(
    frequency_hz: float, level_db: float, duration_s: float, sample_rate: int, phase: float = 0.0
) -> Samples:
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * time_s + phase)
    return np.tile(wave.astype(np.float32), (2, 1))


def test_k_weighting_at_48_khz_is_the_printed_one() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    shelf, high_pass = k_weighting(48_000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    )
    assert high_pass == pytest.approx([1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621])


@pytest.mark.parametrize("sample_rate", [16_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_stereo_tone_of_1_khz_reads_its_level(sample_rate: int, level_db: float) -> None:
    """EBU Tech 3341, cases 1 and 2."""
    tone = Waveform(sine(1000, level_db, 20, sample_rate), sample_rate)
    assert integrated_loudness(tone) == pytest.approx(level_db, abs=0.1)


def test_quiet_parts_are_gated_out() -> None:
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dB."""
    parts = [sine(1000, level, duration, 32_000) for level, duration in ((-36, 10), (-23, 60), (-36, 10))]
    assert integrated_loudness(Waveform(np.concatenate(parts, axis=1), 32_000)) == pytest.approx(-23, abs=0.1)


def test_one_channel_is_3_lu_quieter_than_two() -> None:
    both = Waveform(sine(1000, -20, 3, 32_000), 32_000)
    one = Waveform(both.samples[:1], 32_000)
    assert integrated_loudness(both) - integrated_loudness(one) == pytest.approx(3.01, abs=0.01)


def test_clip_shorter_than_a_block_has_a_loudness() -> None:
    assert integrated_loudness(Waveform(sine(1000, -20, 0.2, 32_000), 32_000)) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("duration_s", [0.1, 2.0])
def test_silence_has_none(duration_s: float) -> None:
    silence = Waveform(np.zeros((2, round(32_000 * duration_s)), np.float32), 32_000)
    assert integrated_loudness(silence) == -math.inf
    assert true_peak(silence) == -math.inf


@pytest.mark.parametrize("low_db", [-30.0, -40.0])
def test_loudness_range_of_two_levels(low_db: float) -> None:
    """EBU Tech 3342, cases 1 and 3: 20 s each at two levels have their difference as range."""
    parts = [sine(1000, level, 20, 32_000) for level in (-20.0, low_db)]
    measured = loudness_range(Waveform(np.concatenate(parts, axis=1), 32_000))
    assert measured == pytest.approx(-20.0 - low_db, abs=1.0)


def test_true_peak_sees_between_the_samples() -> None:
    """At a quarter of the sample rate with a phase of 45° every sample lies 3 dB under the peak."""
    tone = sine(12_000, -6.0, 1, 48_000, phase=math.pi / 4)
    ramp = np.minimum(1, np.arange(tone.shape[1]) / 4800).astype(np.float32)
    faded = tone * ramp * ramp[::-1]
    assert 20 * math.log10(np.abs(faded).max()) == pytest.approx(-9.0, abs=0.05)
    assert true_peak(Waveform(faded, 48_000)) == pytest.approx(-6.0, abs=0.2)


def test_true_peak_of_a_loop_includes_the_wrap() -> None:
    """A peak between the last frame and the first exists only when they follow each other."""
    cycle = sine(8000, 0.0, 4 / 32_000, 32_000, phase=math.pi / 4)
    looped = np.tile(cycle, 50) * np.float32(0.5)
    peak_alone = true_peak(Waveform(looped[:, 1:3], 32_000))
    assert true_peak(Waveform(looped, 32_000), wraps=True) == pytest.approx(-6.02, abs=0.1)
    assert peak_alone != pytest.approx(-6.02, abs=0.1)
