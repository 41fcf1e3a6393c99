"""The score falls for the fault that is there, and says so."""

from collections.abc import Callable

import numpy as np
import pytest

from webapp.audio.finish import finish
from webapp.audio.quality import QualityReport
from webapp.audio.waveform import Samples, Waveform

RATE = 32_000
FRAMES = 6 * RATE


def music() -> Samples:
    """A few harmonic notes with decay, different on both sides: nothing wrong with it."""
    time_s = np.arange(FRAMES) / RATE
    rng = np.random.default_rng(5)
    sound = rng.standard_normal((2, FRAMES)) * 0.002
    for start_s, pitch_hz in zip(np.arange(0, 6, 0.5), rng.choice([220, 262, 330, 392], 12), strict=True):
        since = np.maximum(time_s - start_s, 0)
        note = sum(np.sin(2 * np.pi * k * pitch_hz * since) / k for k in range(1, 8))
        sound += np.array([[0.12], [0.09]]) * note * np.exp(-since * 3) * (time_s >= start_s)
    return sound.astype(np.float32)


def report_of(samples: Samples) -> QualityReport:
    return finish(Waveform(samples, RATE), duration_s=6, loopable=False).report


def clipped(sound: Samples) -> Samples:
    return np.clip(sound * 6, -0.6, 0.6)


def offset(sound: Samples) -> Samples:
    return sound + np.float32(0.3)


def with_dropouts(sound: Samples) -> Samples:
    gapped = sound.copy()
    for start in range(RATE // 3, FRAMES, RATE):
        gapped[:, start : start + RATE // 50] = 0
    return gapped


def with_nan(sound: Samples) -> Samples:
    broken = sound.copy()
    broken[0, 1000] = np.nan
    return broken


def with_infinity(sound: Samples) -> Samples:
    broken = sound.copy()
    broken[1, 2000] = -np.inf
    return broken


def mostly_silent(sound: Samples) -> Samples:
    return np.concatenate((sound[:, : FRAMES // 3], np.zeros((2, FRAMES - FRAMES // 3), np.float32)), axis=1)


def one_sided(sound: Samples) -> Samples:
    return sound * np.array([[1], [0]], np.float32)


def out_of_phase(sound: Samples) -> Samples:
    return np.stack((sound[0], -sound[0]))


def white_noise(sound: Samples) -> Samples:
    return np.random.default_rng(2).standard_normal(sound.shape, np.float32) * np.float32(0.1)


def low_hum(sound: Samples) -> Samples:
    time_s = np.arange(FRAMES, dtype=np.float32) / RATE
    return np.tile(0.2 * np.sin(2 * np.pi * 100 * time_s), (2, 1)) * (1 + 0.01 * sound)


def test_good_sound_scores_high_without_reasons() -> None:
    report = report_of(music())
    assert report.score == 100
    assert report.reasons == ()


@pytest.mark.parametrize(
    ("fault", "highest", "word"),
    [
        (np.zeros_like, 0, "Silent"),
        (with_nan, 0, "invalid"),
        (with_infinity, 0, "invalid"),
        (clipped, 30, "Clipped"),
        (with_dropouts, 35, "Dropouts"),
        (offset, 40, "offset"),
        (mostly_silent, 60, "Silent for"),
        (white_noise, 70, "noise"),
        (one_sided, 80, "side"),
        (out_of_phase, 80, "Sides"),
        (low_hum, 85, "Dull"),
    ],
)
def test_fault_is_named_and_costs_points(
    fault: Callable[[Samples], Samples], highest: int, word: str
) -> None:
    report = report_of(fault(music()))
    assert 0 <= report.score <= highest
    assert any(word in reason for reason in report.reasons)


def test_faults_add_up_and_the_worst_comes_first() -> None:
    report = report_of(one_sided(clipped(music())))
    assert report.score <= 30
    assert report.reasons[0].startswith("Clipped")
    assert len(report.reasons) >= 2


def test_a_rest_is_no_dropout() -> None:
    """Sound that fades into silence and starts again is music."""
    sound = music()
    fade = np.linspace(1, 0, RATE // 2, dtype=np.float32)
    sound[:, 2 * RATE : 2 * RATE + fade.size] *= fade
    sound[:, 2 * RATE + fade.size : 3 * RATE] = 0
    assert report_of(sound).score == 100
