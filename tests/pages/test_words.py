"""Numbers and moments in plain words."""

import pytest

from webapp.pages.frame import words
from webapp.pages.frame.texts import counted
from webapp.pages.frame.words import starting
from webapp.pages.library.waveform import waveform_bars
from webapp.policy.queue.estimates import Start

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
    [
        (None, "unknown"),
        (0.4, "a moment"),
        (12.4, "12 s"),
        (90, "2 min"),
        (3600, "1 h"),
        (5400, "1.5 h"),
        (172_799, "48 h"),
        (7 * 86_400, "7 days"),
    ],
)
def test_wait(wait_s: float | None, text: str) -> None:
    assert words.wait(wait_s) == text


def test_until() -> None:
    assert words.until(None, NOW_MS) == "not known yet"
    assert words.until(NOW_MS - 5000, NOW_MS) == "now"
    assert words.until(NOW_MS + 12_000, NOW_MS) == "in 12 s"


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.0, "8 s"), (2.5, "2.5 s"), (12.345, "12.35 s"), (180, "180 s"), (507.77, "8 min 28 s")],
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
    assert [counted(number, "%(number)s job", "%(number)s jobs") for number in (1, 1200)] == [
        "1 job",
        "1,200 jobs",
    ]


def test_a_waveform_has_a_bar_for_each_part_as_high_as_its_loudest_moment() -> None:
    assert waveform_bars((-127, 10, 0, 0)) == "M0 0h1v64h-1zM2 31h1v2h-1z"
    assert waveform_bars((-20, 10, -64, 32, 0, 0, 0, 0), bars=2) == "M0 16h1v32h-1zM2 31h1v2h-1z"
    assert waveform_bars(()) == ""


@pytest.mark.parametrize(
    ("user_agent", "text"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Gecko/20100101 Firefox/144.0",
            "Firefox on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "An unknown browser"),
    ],
)
def test_browsers_by_their_names(user_agent: str, text: str) -> None:
    assert words.browser(user_agent) == text


@pytest.mark.parametrize(
    ("model", "engine", "text"),
    [
        ("music", "audiocraft", "Music (AudioCraft)"),
        ("audio", "sketch", "Sound effects (sketch)"),
        ("voice", "piper", "Speech (Piper)"),
        ("remix", "another", "remix (another)"),
    ],
)
def test_what_a_sound_was_made_by(model: str, engine: str, text: str) -> None:
    assert words.made_by(model, engine) == text


@pytest.mark.parametrize(
    ("early_s", "at_s", "late_s", "text"),
    [
        (100, 120, 150, "in 2 min"),
        (60, 120, 300, "in 1 to 5 min"),
        (40, 90, 180, "in 40 s to 3 min"),
        (0, 20, 60, "in a moment to 1 min"),
        (0, 5, 20, "in 5 s"),
        (0, 0, 0, "now"),
    ],
)
def test_an_unsure_start_is_a_range(early_s: int, at_s: int, late_s: int, text: str) -> None:
    start = Start(1000 * at_s, 1000 * early_s, 1000 * late_s)
    assert starting(start, 0) == text
    is_range = " to " in text
    assert words.sure_start_ms(start, 0) == (None if is_range else start.at_ms)


def test_a_start_that_is_not_known_has_no_moment() -> None:
    assert (starting(None, 0), words.sure_start_ms(None, 0)) == ("not known yet", None)
