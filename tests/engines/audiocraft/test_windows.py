"""Windows cover a sound without a gap, each with the same prompt, and come out as AudioCraft's."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.audio.waveform import frame_count
from webapp.engines.audiocraft.windows import Window, frames_for, overlap_frames, plan_windows


@pytest.mark.parametrize(
    ("duration_s", "frame_rate", "frames"),
    [(1.0, 50, 50), (0.1, 50, 5), (0.11, 50, 6), (2.34, 50, 117), (180.0, 50, 9000), (0.001, 50, 1)],
)
def test_frames_cover_the_duration(duration_s: float, frame_rate: int, frames: int) -> None:
    assert frames_for(duration_s, frame_rate) == frames


@given(
    sample_rate=st.integers(1_000, 192_000),
    hop=st.integers(1, 2_048),
    duration_s=st.floats(0.01, 190) | st.decimals(1, 190, places=2).map(float),
)
def test_no_rate_and_hop_makes_a_sound_too_short_or_a_frame_too_long(
    sample_rate: int, hop: int, duration_s: float
) -> None:
    frames, samples = frames_for(duration_s, Fraction(sample_rate, hop)), frame_count(duration_s, sample_rate)
    assert frames * hop >= samples
    assert (frames - 1) * hop <= samples or frames == 1


def test_a_hop_that_does_not_divide_the_rate() -> None:
    assert frames_for(60, Fraction(22_050, 320)) * 320 - 60 * 22_050 == 200


def test_the_overlap_is_musicgens_own() -> None:
    assert overlap_frames(1500) == 600
    assert overlap_frames(498, multiple_of=3) == 198
    assert overlap_frames(1) == 0


def test_a_stride_decides_the_overlap_where_there_is_one() -> None:
    assert overlap_frames(500, stride_frames=100) == 400
    assert overlap_frames(1500, stride_frames=900) == overlap_frames(1500) == 600
    assert overlap_frames(50, stride_frames=100) == 20


def test_a_short_sound_takes_one_short_window() -> None:
    assert plan_windows(80, 1500, 600) == (Window(0, 0, 80),)
    assert plan_windows(1500, 1500, 600) == (Window(0, 0, 1500),)


@pytest.mark.parametrize("total", [1501, 2400, 2401, 9000, 9075])
def test_windows_join_without_a_gap(total: int) -> None:
    windows = plan_windows(total, 1500, 600)
    for before, after in pairwise(windows):
        assert before.length == 1500
        assert after.start == before.end - 600
        assert after.prompt == 600
    assert sum(window.new for window in windows) == total
    assert windows[-1].end == total
    assert all(window.new > 0 for window in windows)
