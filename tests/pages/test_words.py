"""Numbers and moments in plain words."""

import pytest

from webapp.pages import words
from webapp.pages.waveform import waveform_path

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("passed_s", "text"),
    [
        (-9, "just now"), (0, "just now"), (4, "just now"), (7, "5 s ago"), (59, "55 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"), (3600, "1 h ago"), (86_399, "23 h ago"), (86_400, "yesterday"),
        (3 * 86_400, "3 days ago"), (31 * 86_400, "14 October 2023"),
    ],
)  # fmt: skip
def test_ago(passed_s: int, text: str) -> None:
    assert words.ago(NOW_MS - passed_s * 1000, NOW_MS) == text


@pytest.mark.parametrize(
    ("wait_s", "text"),
    [(None, "unknown"), (0.4, "a moment"), (12.4, "12 s"), (90, "2 min"), (3600, "1 h"), (5400, "1.5 h")],
)
def test_wait(wait_s: float | None, text: str) -> None:
    assert words.wait(wait_s) == text


def test_until() -> None:
    assert words.until(None, NOW_MS) == "not known yet"
    assert words.until(NOW_MS - 5000, NOW_MS) == "now"
    assert words.until(NOW_MS + 12_000, NOW_MS) == "in 12 s"


@pytest.mark.parametrize(
    ("value", "text"), [(8.0, "8 s"), (2.5, "2.5 s"), (12.345, "12.35 s"), (180, "180 s")]
)
def test_seconds(value: float, text: str) -> None:
    assert words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1 KB"),
        (812_400, "812 KB"),
        (5_300_000, "5.3 MB"),
        (5_000_000_000, "5 GB"),
        (1_500_000_000, "1.5 GB"),
    ],
)
def test_size(value: int, text: str) -> None:
    assert words.size(value) == text


def test_moments_for_machines_and_for_people() -> None:
    assert words.iso(NOW_MS) == "2023-11-14T22:13:20Z"
    assert words.exact(NOW_MS) == "14 November 2023, 22:13:20 UTC"
    assert (words.count(1, "job"), words.count(1200, "job")) == ("1 job", "1,200 jobs")


def test_a_waveform_runs_along_the_highs_and_back_along_the_lows() -> None:
    assert waveform_path((-127, 127, 0, 0)) == "M0 0.0L1 31.7L1 32.3L0 64.0Z"
    assert waveform_path(()) == ""
