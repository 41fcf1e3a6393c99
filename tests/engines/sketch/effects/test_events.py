"""Events: how many, when, and what lies between them."""

import numpy as np
import pytest

from tests.engines.sketch.effects.measures import between_db, onsets_s, rendered
from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.effects.request import EffectRequest

_SINGLE = [
    "knock",
    "clap",
    "gunshot",
    "hammer",
    "drip",
    "dog_bark",
    "duck",
    "door_slam",
    "car_horn",
    "punch",
    "wood_hit",
]


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("key", _SINGLE)
def test_as_many_events_as_asked_for(key: str, count: int) -> None:
    effect = EFFECTS[key]
    gap = max(effect.event_s, 0.4)
    sound = rendered(EffectRequest(key, 0.5 + count * gap * 2, count=count, speed=0.1, space="dry"))
    assert len(onsets_s(sound, apart_s=0.18)) == count


@pytest.mark.parametrize("key", ["clock_tick", "watch_tick", "heart_monitor", "sonar"])
def test_clocks_and_the_like_are_regular(key: str) -> None:
    sound = rendered(EffectRequest(key, 12.0 if key == "sonar" else 6.0, space="dry"))
    gaps = np.diff(onsets_s(sound, apart_s=0.11))
    assert gaps.size >= 2
    assert gaps.std() < 0.04 * gaps.mean()


def test_typing_is_not_regular() -> None:
    gaps = np.diff(onsets_s(rendered(EffectRequest("typing", 6.0))))
    assert gaps.std() > 0.2 * gaps.mean()


@pytest.mark.parametrize("key", ["knock", "gunshot", "dog_bark", "drip", "ui_click", "owl", "door_slam"])
def test_it_is_quiet_between_events(key: str) -> None:
    sound = rendered(EffectRequest(key, 9.0, count=2, speed=0.0))
    assert between_db(sound) < -40


@pytest.mark.parametrize("key", ["knock", "hammer", "clap", "drip", "heart_monitor"])
def test_fast_has_more_events_than_slow(key: str) -> None:
    slow, fast = (len(onsets_s(rendered(EffectRequest(key, 5.0, speed=speed)))) for speed in (0.0, 1.0))
    assert fast > 1.25 * slow


@pytest.mark.parametrize("key", ["dog_bark", "church_bell", "explosion", "doorbell"])
def test_more_events_than_time_are_pressed_together_not_lost(key: str) -> None:
    sound = rendered(EffectRequest(key, EFFECTS[key].event_s + 0.6, count=3))
    assert np.abs(sound).max() > 0.4


def test_events_end_within_the_time_if_they_can() -> None:
    sound = rendered(EffectRequest("knock", 2.0, count=3, space="dry"))
    assert np.abs(sound[:, -4410:]).max() < 0.02
