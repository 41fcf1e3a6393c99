"""Scenes in time: sequences, fades, sections, endings, loops; and what the engine promises of its sound."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.engines.sketch.listening import levels_db, onset_rate, rendered
from webapp.audio.finish import finish
from webapp.audio.loop import loop_overlap_s
from webapp.audio.waveform import Samples, Waveform
from webapp.engines.base import CancelToken, GenerationCancelled, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.engine import SketchEngine
from webapp.engines.sketch.mixing import SECTION_FRAMES, render_plan, section_count
from webapp.engines.sketch.music.instruments import samples as library
from webapp.engines.sketch.timeline import spans
from webapp.engines.sketch.understanding.plan import EffectLayer, Plan, Scene
from webapp.engines.sketch.understanding.reading import read_prompt

MIXED = [
    "slow piano over heavy rain",
    "128 bpm techno",
    "a dog barks, then a cat meows",
    "string quartet in D",
]


def nothing(_index: int, _share: float) -> None:
    """Progress that nobody wants."""


def mixed(prompt: str, seconds: float, *, with_ending: bool = True, model: str = "music") -> list[Samples]:
    frames = round(seconds * SAMPLE_RATE)
    return list(render_plan(read_prompt(prompt, model, 1), frames, with_ending=with_ending))


@pytest.mark.parametrize("prompt", MIXED)
def test_sections_fill_the_time_exactly(prompt: str) -> None:
    sections = mixed(prompt, 2.3)
    frames = round(2.3 * SAMPLE_RATE)
    assert len(sections) == section_count(frames)
    assert sum(section.shape[1] for section in sections) == frames
    assert all(section.shape[1] <= SECTION_FRAMES and section.dtype == np.float32 for section in sections)


def test_scenes_follow_each_other() -> None:
    """First the rain, which is noise; then the drone, which is deep."""
    plan = Plan(1, (Scene(effects=(EffectLayer("white_noise"),)), Scene(effects=(EffectLayer("dial_tone"),))))
    whole = np.concatenate(list(render_plan(plan, 6 * SAMPLE_RATE, with_ending=True)), axis=1)
    shares = []
    for part in (whole[0, :SAMPLE_RATE], whole[0, -2 * SAMPLE_RATE : -SAMPLE_RATE]):
        power = np.abs(np.fft.rfft(part)) ** 2
        shares.append(power[1000:].sum() / power.sum())
    assert shares[0] > 0.9
    assert shares[1] < 0.05


def test_time_is_shared_among_scenes() -> None:
    scenes = (
        Scene(effects=(EffectLayer("gunshot"),)),
        Scene(effects=(EffectLayer("rain"),)),
        Scene(),
        Scene(effects=(EffectLayer("door_slam", count=3),)),
    )
    for duration_s in (0.5, 3.0, 20.0, 180.0):
        found = spans(scenes, duration_s)
        assert found[0].start_s == 0
        assert found[-1].start_s + found[-1].duration_s == pytest.approx(duration_s)
        for span, following in pairwise(found):
            assert span.start_s < following.start_s < span.start_s + span.duration_s
    rain, door = spans(scenes, 180.0)[1], spans(scenes, 180.0)[3]
    assert rain.duration_s > 160
    assert door.duration_s < 20


@pytest.mark.parametrize(
    ("prompt", "low_db", "high_db"),
    [("rain fading out", -60, -8), ("rain fading in", 8, 60), ("a car approaching", 4, 40), ("rain", -3, 3)],
)
def test_fades(prompt: str, low_db: float, high_db: float) -> None:
    levels = levels_db(rendered(prompt, 6.0, "audio"))
    rise = float(np.mean(levels[-150:-20]) - np.mean(levels[20:150]))
    assert low_db < rise < high_db


@pytest.mark.parametrize("prompt", ["piano and strings", "choir", "rain", "techno", "violin over wind"])
def test_sounds_come_to_rest(prompt: str) -> None:
    whole = rendered(prompt, 9.0)
    assert np.abs(whole[:, -441:]).max() < 0.02 * np.abs(whole).max()


@pytest.mark.parametrize("prompt", ["house", "rain", "piano waltz"])
def test_loops_close_without_a_seam(prompt: str) -> None:
    seconds = 6.0
    overlap_s = loop_overlap_s(seconds)
    request = GenerationRequest(prompt, seconds + overlap_s, "music", 1, loop_overlap_s=overlap_s)
    (sound,) = generate_all(SketchEngine(), [request], nothing, CancelToken())
    loop = finish(sound, duration_s=seconds, loopable=True).waveform.samples.mean(axis=0)
    bends = np.abs(np.diff(np.concatenate((loop[-2000:], loop[:2000])), 2))
    seam = bends[1990:2010].max()
    assert seam <= 3 * max(bends[:1900].max(), bends[2100:].max())


def test_first_section_is_quick_and_progress_goes_by_sections() -> None:
    prompts = ["orchestra", "disco", "techno", "solo piano", "rain and thunder"]
    for prompt in prompts:
        mixed(prompt, 1.0)
        took = []
        for seed in (2, 3, 4):
            began = time.process_time()
            next(render_plan(read_prompt(prompt, "music", seed), 30 * SAMPLE_RATE, with_ending=True))
            took.append(time.process_time() - began)
        # The aim is 0.2 s, which `make bench-sketch` measures; a busy machine takes longer for the same work.
        assert min(took) < 0.35, prompt
    shares: list[float] = []
    request = GenerationRequest("techno", 3.0, "music", 1)
    generate_all(SketchEngine(), [request], lambda _index, share: shares.append(share), CancelToken())
    assert len(shares) >= 6
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_cancelling_stops_at_the_next_section() -> None:
    cancel = CancelToken()
    shares: list[float] = []

    def progressed(_index: int, share: float) -> None:
        shares.append(share)
        cancel.cancel()

    with pytest.raises(GenerationCancelled):
        generate_all(SketchEngine(), [GenerationRequest("rock", 60.0, "music", 1)], progressed, cancel)
    assert len(shares) == 1


@pytest.fixture
def no_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(library, "asset_folder", lambda: tmp_path)
    library.sample_library.cache_clear()
    yield
    library.sample_library.cache_clear()


@pytest.mark.usefixtures("no_samples")
@pytest.mark.parametrize("prompt", ["rock", "string quartet", "drum solo", "tabla and sitar", "rain"])
def test_without_samples_sketch_plays_and_says_so(prompt: str) -> None:
    assert not library.sample_library().has_samples
    engine, request = SketchEngine(), GenerationRequest(prompt, 3.0, "music", 1)
    (sound,) = generate_all(engine, [request], nothing, CancelToken())
    assert np.abs(sound.samples).max() > 0.05
    told = engine.explain(request).outline
    assert any("samples are missing" in line for line in told) == (prompt != "rain")


def test_with_samples_nothing_is_said() -> None:
    if not library.sample_library().has_samples:
        pytest.skip("the samples come with set-up")
    told = SketchEngine().explain(GenerationRequest("rock", 3.0, "music", 1)).outline
    assert not any("samples" in line for line in told)


def test_same_seed_is_the_same_bytes_and_another_is_another_piece() -> None:
    for prompt in MIXED:
        first, again = (np.concatenate(mixed(prompt, 3.0), axis=1) for _ in range(2))
        assert first.tobytes() == again.tobytes()
        other = rendered(prompt, 3.0, "music", 2)
        assert other.tobytes() != rendered(prompt, 3.0, "music", 1).tobytes()
    rates = [onset_rate(rendered("128 bpm techno", 4.0, "music", seed)) for seed in (1, 2, 3)]
    assert max(rates) < 4 * min(rates), "seeds give pieces of one kind"


_CHILD = """
import sys
import numpy as np
from tests.engines.sketch.test_mixing import MIXED, mixed
np.save(sys.argv[1], np.concatenate([s for p in MIXED for s in mixed(p, 3.0)], axis=1))
"""


def test_other_processors_give_the_same_sound(tmp_path: Path) -> None:
    """Without NumPy's vector code the sound is the same to within -80 dBFS."""
    core = importlib.import_module("numpy._core._multiarray_umath")
    features = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    path = tmp_path / "plain.npy"
    subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        check=True,
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features)},
        timeout=120,
    )
    here = np.concatenate([section for prompt in MIXED for section in mixed(prompt, 3.0)], axis=1)
    there = np.load(path)
    assert there.shape == here.shape
    assert np.abs(there - here).max() < 10 ** (-80 / 20)


def test_mix_of_a_waveform_is_finite_and_within_scale() -> None:
    for prompt in MIXED:
        whole = Waveform(rendered(prompt, 4.0), SAMPLE_RATE).samples
        assert np.isfinite(whole).all()
        assert np.abs(whole).max() <= 1.6
