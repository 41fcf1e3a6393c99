"""Spectrogram and outline show what is in the sound."""

import io

import matplotlib.image
import numpy as np
import pytest

from webapp.audio.peaks import waveform_peaks
from webapp.audio.spectrogram import log_spectrogram_db, spectrogram_png
from webapp.audio.spectrogram_frame import LOWEST_HZ, RANGE_DB
from webapp.audio.waveform import Waveform


@pytest.mark.parametrize("frequency_hz", [60.0, 440.0, 5000.0])
@pytest.mark.parametrize("sample_rate", [16_000, 32_000])
def test_tone_stands_in_its_row(frequency_hz: float, sample_rate: int) -> None:
    time_s = np.arange(2 * sample_rate) / sample_rate
    levels = log_spectrogram_db(
        Waveform(np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)[None], sample_rate)
    )
    row = levels[:, 50:-50].mean(axis=1).argmax()
    centre_hz = LOWEST_HZ * (sample_rate / 2 / LOWEST_HZ) ** ((row + 0.5) / len(levels))
    assert centre_hz == pytest.approx(frequency_hz, rel=0.1)
    assert levels.max() == 0.0
    assert levels.min() >= -RANGE_DB


def test_sound_stands_in_its_column() -> None:
    samples = np.zeros((2, 64_000), np.float32)
    samples[:, 48_000:52_000] = np.random.default_rng(1).standard_normal((2, 4000))
    levels = log_spectrogram_db(Waveform(samples, 32_000))
    loudest = levels.mean(axis=0).argmax() / levels.shape[1]
    assert loudest == pytest.approx(50_000 / 64_000, abs=0.02)


@pytest.mark.parametrize("scale", [0.0, 0.1])
def test_png_is_small_and_has_text_that_stands_out(scale: float) -> None:
    noise = np.random.default_rng(1).standard_normal((2, 10 * 32_000), np.float32) * np.float32(scale)
    png = spectrogram_png(Waveform(noise, 32_000))
    assert len(png) < 150_000
    picture = matplotlib.image.imread(io.BytesIO(png), format="png")
    assert picture.shape[:2] == (360, 1000)
    margin = picture[320:, 70:900, :3].mean(axis=2)
    assert margin.min() < 0.15
    assert margin.max() > 0.75


def test_one_very_short_sound_has_a_picture() -> None:
    assert spectrogram_png(Waveform(np.ones((1, 3), np.float32), 32_000)).startswith(b"\x89PNG")


def test_outline_holds_each_parts_extremes() -> None:
    samples = np.zeros((2, 1000), np.float32)
    samples[0, 0:10] = 0.5
    samples[1, 995] = -1.0
    outline = waveform_peaks(Waveform(samples, 32_000), bins=100)
    assert len(outline) == 200
    assert outline[:4] == [64, 64, 0, 0] or outline[:4] == [0, 64, 0, 0]
    assert outline[-2:] == [-127, 0]


@pytest.mark.parametrize("frames", [1, 399, 401, 100_000])
def test_outline_has_a_fixed_size(frames: int) -> None:
    assert len(waveform_peaks(Waveform(np.ones((1, frames), np.float32), 32_000))) == 800
