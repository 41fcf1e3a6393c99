"""What each family must measure like: colour, pitch, decay, width; and that opposites differ."""

import numpy as np
import pytest

from tests.engines.sketch.effects.measures import (
    Sound,
    centroid_hz,
    envelope,
    fall_s,
    harmonicity,
    level,
    onsets_s,
    pitch_track_hz,
    rendered,
    sides,
)
from webapp.engines.sketch.effects.request import EffectRequest

# Between which frequencies the centre of gravity of the spectrum lies.
_COLOURS = {
    "rain": (1500, 9500),
    "rain_roof": (500, 7500),
    "thunder": (40, 2600),
    "wind": (40, 500),
    "wind_trees": (80, 2500),
    "stream": (400, 3000),
    "waterfall": (200, 5500),
    "waves": (100, 4500),
    "underwater": (60, 700),
    "campfire": (300, 6000),
    "dog_bark": (400, 2500),
    "cow": (120, 1500),
    "cat_meow": (500, 2500),
    "cat_hiss": (1500, 8000),
    "songbird": (2000, 7000),
    "crickets": (3500, 5500),
    "owl": (250, 900),
    "mosquito": (400, 3000),
    "heartbeat": (30, 300),
    "baby_cry": (500, 3500),
    "applause": (900, 5000),
    "footsteps": (60, 3000),
    "knock": (80, 1500),
    "glass_break": (2000, 12000),
    "coins": (3000, 12000),
    "keys": (3000, 12000),
    "paper": (1500, 9000),
    "church_bell": (200, 3000),
    "bell": (1500, 8000),
    "smoke_alarm": (2500, 6000),
    "ship_horn": (80, 900),
    "car_idle": (40, 1500),
    "truck": (30, 1500),
    "helicopter": (40, 1200),
    "jet": (80, 5000),
    "drill": (500, 6000),
    "vacuum": (200, 9000),
    "explosion": (30, 2200),
    "gunshot": (100, 6500),
    "sub_drop": (20, 120),
    "white_noise": (8000, 13000),
    "pink_noise": (800, 6000),
    "brown_noise": (20, 500),
}


@pytest.mark.parametrize(("key", "band"), _COLOURS.items())
def test_the_colour_of_a_sound_lies_in_its_band(key: str, band: tuple[int, int]) -> None:
    assert band[0] < centroid_hz(rendered(EffectRequest(key, 4.0))) < band[1]


@pytest.mark.parametrize("key", ["dial_tone", "car_horn", "owl", "siren", "whistle", "cat_meow", "game_coin"])
def test_voices_and_tones_are_harmonic(key: str) -> None:
    assert harmonicity(rendered(EffectRequest(key, 3.0, space="dry")), high_hz=2500) > 0.7


@pytest.mark.parametrize("key", ["rain", "white_noise", "cat_hiss", "applause", "whoosh", "waterfall"])
def test_noises_are_not_harmonic(key: str) -> None:
    assert harmonicity(rendered(EffectRequest(key, 3.0))) < 0.5


def _track(key: str, low: float, high: float, duration_s: float = 3.0) -> Sound:
    sound = rendered(EffectRequest(key, duration_s, count=1, space="dry"))
    loud = envelope(sound)
    track = pitch_track_hz(sound, low, high, 0.02)
    heard = loud[(np.arange(track.size) * 2 + 4).clip(0, loud.size - 1)] > 0.15 * loud.max()
    return np.asarray(track[heard])


@pytest.mark.parametrize(("key", "low", "high"), [("laser", 100, 6000), ("sub_drop", 20, 200)])
def test_falling_sounds_fall(key: str, low: float, high: float) -> None:
    track = _track(key, low, high)
    assert track[-1] < 0.9 * track[0]


@pytest.mark.parametrize(("key", "low", "high"), [("game_jump", 150, 1500), ("ui_pop", 150, 2500)])
def test_rising_sounds_rise(key: str, low: float, high: float) -> None:
    track = _track(key, low, high)
    assert track[-1] > 1.3 * track[0]


def test_a_siren_sweeps_over_an_octave_and_back() -> None:
    track = pitch_track_hz(rendered(EffectRequest("siren", 6.0)), 400, 1600)
    assert track.max() > 1.8 * track.min()
    middle = int(track[: track.size // 2].argmax())
    assert 0 < middle < track.size - 1


def test_a_riser_gets_brighter_and_louder() -> None:
    sound = rendered(EffectRequest("riser", 6.0))
    first, last = sound[:, :88_200], sound[:, -88_200:]
    assert centroid_hz(last) > 2 * centroid_hz(first)
    assert level(last) > 2 * level(first)


def test_bells_ring_longer_than_wood() -> None:
    one = {
        key: fall_s(rendered(EffectRequest(key, 6.0, count=1, space="dry")))
        for key in ("church_bell", "metal_hit", "wood_hit")
    }
    assert one["church_bell"] > one["metal_hit"] > one["wood_hit"]
    assert one["church_bell"] > 1.0
    assert one["wood_hit"] < 0.3


@pytest.mark.parametrize(
    "key", ["dog_bark", "wood_hit", "glass_clink", "cat_meow", "car_horn", "drip", "bell", "impact", "cow"]
)
def test_large_is_lower_than_small(key: str) -> None:
    small, large = (centroid_hz(rendered(EffectRequest(key, 3.0, size=size))) for size in (0.0, 1.0))
    assert large < 0.8 * small


@pytest.mark.parametrize("key", ["dog_bark", "rain", "helicopter", "church_bell", "gunshot"])
def test_far_is_quieter_duller_and_more_diffuse_than_near(key: str) -> None:
    near, far = (rendered(EffectRequest(key, 4.0, distance=distance)) for distance in (0.0, 1.0))
    assert 20 * np.log10(level(far) / level(near)) < -8
    assert centroid_hz(far) < 0.95 * centroid_hz(near)


@pytest.mark.parametrize("key", ["rain", "applause", "hail", "crickets"])
def test_dense_is_fuller_than_sparse(key: str) -> None:
    sparse, dense = (rendered(EffectRequest(key, 4.0, density=density)) for density in (0.0, 1.0))
    assert level(dense) / np.abs(dense).max() > level(sparse) / np.abs(sparse).max()


def test_light_rain_is_quieter_than_heavy_rain() -> None:
    light, heavy = (level(rendered(EffectRequest(key, 4.0))) for key in ("rain_light", "rain_heavy"))
    assert heavy > 1.2 * light


@pytest.mark.parametrize("pair", [("gravel", "wood"), ("snow", "stone"), ("metal", "carpet")])
def test_the_ground_colours_the_steps(pair: tuple[str, str]) -> None:
    first, second = (
        centroid_hz(rendered(EffectRequest("footsteps", 4.0, material=ground))) for ground in pair
    )
    assert first > 1.5 * second


@pytest.mark.parametrize("space", ["hall", "cave", "church"])
def test_large_rooms_ring_on(space: str) -> None:
    dry, wet = (
        fall_s(rendered(EffectRequest("knock", 4.0, count=1, space=place)), 30) for place in ("dry", space)
    )
    assert wet > dry + 0.3


@pytest.mark.parametrize("key", ["rain", "waves", "wind", "crowd", "white_noise", "traffic"])
def test_what_surrounds_is_wide(key: str) -> None:
    assert sides(rendered(EffectRequest(key, 3.0))) > 0.15


@pytest.mark.parametrize("key", ["rain", "dog_bark", "fireplace", "car_idle", "songbird", "typing"])
def test_two_seeds_are_two_pieces_of_one_kind(key: str) -> None:
    first, second = (rendered(EffectRequest(key, 5.0), seed) for seed in (11, 12))
    assert 0.55 < centroid_hz(first) / centroid_hz(second) < 1.8
    assert 0.4 < level(first) / level(second) < 2.5


@pytest.mark.parametrize("key", ["fan", "propeller_plane", "motorboat"])
def test_a_motor_turns_faster_when_asked_to(key: str) -> None:
    slow, fast = (
        pitch_track_hz(rendered(EffectRequest(key, 3.0, speed=speed)), 50, 260) for speed in (0.0, 1.0)
    )
    assert np.median(fast) > 1.2 * np.median(slow)


def test_a_passing_car_comes_and_goes() -> None:
    curve = envelope(rendered(EffectRequest("car_pass", 6.5)))
    top = int(np.convolve(curve, np.ones(20), "same").argmax())
    assert 0.25 < top / curve.size < 0.75
    assert curve[20:60].mean() < 0.4 * curve.max()
    assert curve[-60:-20].mean() < 0.4 * curve.max()


def test_fireworks_have_several_bursts() -> None:
    assert len(onsets_s(rendered(EffectRequest("fireworks", 8.0)), apart_s=0.3)) >= 3
