"""Limits that are counted in the process."""

import pytest

from webapp.clock import ManualClock
from webapp.errors import LimitReached
from webapp.services.shared import pace
from webapp.services.shared.pace import Pace

LIMIT, WINDOW_S = 4, 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limited(clock: ManualClock) -> Pace:
    return Pace("searches", clock, LIMIT, WINDOW_S)


def _taken(limited: Pace, client: str, times: int) -> list[int]:
    return [limited.take(client).remaining for _ in range(times)]


def test_so_many_at_once_and_then_one_after_the_other(limited: Pace, clock: ManualClock) -> None:
    assert limited.usage("a").remaining == LIMIT
    assert _taken(limited, "a", LIMIT) == [3, 2, 1, 0]
    with pytest.raises(LimitReached) as refusal:
        limited.take("a")
    assert refusal.value.retry_after_s == WINDOW_S // LIMIT
    usage = limited.usage("a")
    assert (usage.limit, usage.window_s, usage.remaining, usage.reset_s) == (LIMIT, WINDOW_S, 0, WINDOW_S)
    clock.advance_s(refusal.value.retry_after_s)
    assert _taken(limited, "a", 1) == [0]
    clock.advance_s(WINDOW_S)
    assert _taken(limited, "a", 2) == [3, 2]


def test_clients_do_not_count_for_each_other(limited: Pace) -> None:
    _taken(limited, "a", LIMIT)
    assert _taken(limited, "b", 1) == [3]


def test_a_clock_that_is_set_back_keeps_nobody_out(limited: Pace, clock: ManualClock) -> None:
    _taken(limited, "a", LIMIT)
    clock.advance_s(-3_600)
    assert _taken(limited, "a", LIMIT) == [3, 2, 1, 0]


def test_the_longest_silent_are_forgotten(limited: Pace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_CLIENTS", 2)
    for client in ("a", "b", "a", "c"):
        limited.take(client)
    assert (limited.usage("a").remaining, limited.usage("b").remaining) == (2, LIMIT)
