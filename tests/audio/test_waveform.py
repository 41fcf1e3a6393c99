"""A waveform that cannot be used cannot be made."""

import numpy as np
import pytest

from webapp.audio.waveform import Samples, Waveform, frame_count


@pytest.mark.parametrize(
    ("samples", "sample_rate"),
    [
        (np.zeros(10, np.float32), 32_000),
        (np.zeros((2, 10), np.float64), 32_000),
        (np.zeros((2, 0), np.float32), 32_000),
        (np.zeros((0, 10), np.float32), 32_000),
        (np.zeros((9, 10), np.float32), 32_000),
        (np.zeros((2, 10), np.float32), 0),
    ],
)
def test_unusable_samples_are_refused(samples: Samples, sample_rate: int) -> None:
    with pytest.raises(ValueError, match=r"samples|channels|frame|sample rate"):
        Waveform(samples, sample_rate)


def test_sizes() -> None:
    waveform = Waveform(np.zeros((2, 16_000), np.float32), 32_000)
    assert (waveform.channels, waveform.frames, waveform.duration_s) == (2, 16_000, 0.5)


def test_frames_are_rounded_to_the_nearest() -> None:
    assert frame_count(1.00002, 32_000) == 32_001
    assert frame_count(1.00001, 32_000) == 32_000
