"""Every sound of the catalogue: whole, clean, repeatable, at its level."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engines.sketch.effects.measures import envelope, level, rendered, sides
from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.effects.render import SAMPLE_RATE, render_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.levels import GAINS

pytestmark = pytest.mark.slow

_DURATION_S = 1.6
# Starts from or passes through near silence by its nature.
_GROWING = {"riser", "train_pass", "busy_tone", "ringback_tone"}


@pytest.mark.parametrize("key", EFFECTS)
def test_every_sound_is_whole_clean_and_at_its_level(key: str) -> None:
    sound = rendered(EffectRequest(key, _DURATION_S))
    peak = float(np.abs(sound).max())
    assert sound.shape == (2, round(_DURATION_S * SAMPLE_RATE))
    assert np.isfinite(sound).all()
    assert 0.12 < peak < 0.96
    assert np.abs(sound.mean(axis=1)).max() < 0.003 * peak + 1e-4  # no offset
    assert np.abs(sound[:, [0, -1]]).max() < 1e-3  # no click at the ends
    assert sides(sound) < 1.6


@pytest.mark.parametrize("key", [effect.key for effect in EFFECTS.values() if effect.kind == "continuous"])
def test_what_is_continuous_has_no_dead_air_and_is_levelled(key: str) -> None:
    assert key in GAINS
    if key in _GROWING:
        return
    curve = envelope(rendered(EffectRequest(key, 2.1)))
    seconds = curve[: curve.size // 100 * 100].reshape(-1, 100).max(axis=1)
    assert seconds.min() > 0.004


@pytest.mark.parametrize("key", EFFECTS)
def test_descriptions_are_complete(key: str) -> None:
    effect = EFFECTS[key]
    assert effect.key == key
    assert effect.family
    assert effect.title
    assert (effect.event_s > 0) == (effect.kind == "events")
    assert len(set(effect.materials)) == len(effect.materials)


@pytest.mark.parametrize("key", ["rain", "dog_bark", "helicopter", "church_bell", "crowd", "typewriter"])
def test_the_same_seed_gives_the_same_samples_and_another_seed_another_piece(key: str) -> None:
    request = EffectRequest(key, 1.5)
    first, again, other = rendered(request, 5), rendered(request, 5), rendered(request, 6)
    assert np.array_equal(first, again)
    assert level(first - other) > 0.1 * level(first)


def test_sections_come_bit_by_bit_and_fill_the_time() -> None:
    sections = list(render_effect(EffectRequest("river", 5.25), 3))
    assert all(section.shape[1] <= 2 * SAMPLE_RATE and section.dtype == np.float32 for section in sections)
    assert sum(section.shape[1] for section in sections) == round(5.25 * SAMPLE_RATE)


@pytest.mark.parametrize("duration_s", [0.05, 0.4])
@pytest.mark.parametrize("key", ["thunder", "rain", "knock", "siren", "jet"])
def test_very_short_requests_are_filled_too(key: str, duration_s: float) -> None:
    assert rendered(EffectRequest(key, duration_s)).shape == (2, round(duration_s * SAMPLE_RATE))


@pytest.mark.parametrize("corner", [0.0, 1.0])
@pytest.mark.parametrize("key", sorted(EFFECTS)[::4])
def test_the_corners_of_the_parameters_stay_clean(key: str, corner: float) -> None:
    request = EffectRequest(
        key, 1.2, intensity=corner, size=corner, speed=corner, density=corner, distance=corner
    )
    sound = rendered(request)
    assert np.isfinite(sound).all()
    assert 1e-4 < np.abs(sound).max() < 0.96


_ELSEWHERE = """
import sys
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from webapp.engines.sketch.effects.render import render_effect
from webapp.engines.sketch.effects.request import EffectRequest

sounds = [np.concatenate(list(render_effect(EffectRequest(key, 1.0), 9)), axis=1) for key in sys.argv[2:]]
np.save(sys.argv[1], np.stack(sounds))
"""


def test_another_processor_gives_the_same_sound_within_80_db(tmp_path: Path) -> None:
    keys = [
        "rain",
        "dog_bark",
        "helicopter",
        "church_bell",
        "crowd",
        "cat_purr",
        "car_idle",
        "siren",
        "riser",
    ]
    stored = tmp_path / "sounds.npy"
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ELSEWHERE, str(stored), *keys], check=True, env=plain
    )
    for key, sound in zip(keys, np.load(stored), strict=True):
        here = rendered(EffectRequest(key, 1.0), 9)
        assert np.abs(here - sound).max() < 1e-4 * np.abs(here).max(), key
