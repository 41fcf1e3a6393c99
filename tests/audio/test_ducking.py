"""Speech over another sound: which is heard when, by measuring both."""

import numpy as np
import pytest

from webapp.audio.ducking import FADE_IN_S, LEAD_S, TAIL_S, speech_over
from webapp.audio.waveform import Samples, Waveform

RATE = 32_000
MUSIC_HZ = 3_000


def _tone(hz: float, seconds: float, rate: int, channels: int = 1) -> Samples:
    time_s = np.arange(round(seconds * rate)) / rate
    return np.repeat(np.sin(2 * np.pi * hz * time_s)[np.newaxis], channels, axis=0).astype(np.float32) * 0.3


def _speech(seconds: float, rate: int = 24_000) -> Waveform:
    """Two seconds of a voice, five of silence, two of a voice."""
    samples = _tone(200, seconds, rate)
    samples[:, 2 * rate : 7 * rate] = 0
    return Waveform(samples, rate)


def _music_db(mixed: Waveform, begin_s: float, end_s: float) -> float:
    part = mixed.samples[0, round(begin_s * mixed.sample_rate) : round(end_s * mixed.sample_rate)]
    time_s = np.arange(part.size) / mixed.sample_rate
    return float(20 * np.log10(2 * abs(np.mean(part * np.exp(-2j * np.pi * MUSIC_HZ * time_s)))))


@pytest.mark.parametrize("music_s", [60.0, 3.0])
@pytest.mark.parametrize("ducking_db", [6.0, 20.0])
def test_the_sound_is_lower_while_somebody_speaks(music_s: float, ducking_db: float) -> None:
    music = Waveform(_tone(MUSIC_HZ, music_s, RATE, channels=2), RATE)
    mixed = speech_over(_speech(9.0), music, ducking_db=ducking_db)
    assert (mixed.channels, mixed.sample_rate) == (2, RATE)
    assert mixed.duration_s == pytest.approx(LEAD_S + 9.0 + TAIL_S, abs=0.001)
    alone = _music_db(mixed, FADE_IN_S + 0.05, 0.75)
    below = _music_db(mixed, 1.5, 1.9)
    assert alone - below == pytest.approx(ducking_db, abs=2.0)


def test_it_is_down_before_the_first_word_and_ends_in_silence() -> None:
    music = Waveform(_tone(MUSIC_HZ, 60, RATE), RATE)
    mixed = speech_over(_speech(9.0), music, ducking_db=20)
    assert _music_db(mixed, 1.4, 1.5) < _music_db(mixed, FADE_IN_S, 0.7) - 10
    assert np.abs(mixed.samples[:, -10:]).max() < 0.01
    assert np.abs(np.diff(mixed.samples[0])).max() < 0.5


def test_a_short_sound_begins_again_without_a_gap() -> None:
    music = Waveform(np.random.default_rng(1).standard_normal((1, 2 * RATE), np.float32) * 0.1, RATE)
    mixed = speech_over(_speech(20.0), music, ducking_db=0)
    silent = mixed.samples[0, 4 * RATE : 7 * RATE].reshape(-1, RATE // 20)
    levels = np.sqrt((silent**2).mean(axis=1))
    assert levels.min() > 0.7 * levels.max()
