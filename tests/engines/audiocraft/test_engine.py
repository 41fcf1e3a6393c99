"""What a worker relies on: lengths, progress, cancelling, batches, and every kind of trouble."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.engines.audiocraft.conftest import CHECKPOINTS
from tests.engines.audiocraft.helpers import ignore_progress, request
from tests.engines.audiocraft.tiny import Tiny, write_models
from webapp.audio.export import write_renditions
from webapp.audio.finish import finish
from webapp.audio.waveform import Waveform
from webapp.engines.audiocraft.checkpoint_selection import select_checkpoint
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.base import (
    CancelToken,
    Engine,
    EngineOptions,
    GenerationCancelled,
    GenerationFailed,
    GenerationRequest,
    MelodyNotFollowed,
    ModelLoadError,
    RequestNotSupported,
)
from webapp.engines.batch import generate_all
from webapp.engines.registry import create_engine
from webapp.weights.layout import CODEC_FILE, LM_FILE

Load = Callable[[str], LoadedModel]
MODELS = ("music", "audio", "magnet")


def render(engine: Engine, *requests: GenerationRequest) -> list[Waveform]:
    return generate_all(engine, requests, ignore_progress, CancelToken())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("duration_s", [0.07, 1.0, 12.34, 30.0, 181.5])
def test_a_sound_has_the_length_asked_for(engine: AudioCraftEngine, model: str, duration_s: float) -> None:
    (sound,) = render(engine, request(duration_s=duration_s, model=model))
    assert sound.frames == round(duration_s * 1600)
    assert (sound.sample_rate, sound.channels) == (1600, 1)
    assert np.isfinite(sound.samples).all()
    assert sound.samples.std() > 1e-4


@pytest.mark.parametrize(
    ("kind", "sample_rate", "ratios"),
    [
        ("musicgen", 2205, (4, 4, 2)),
        ("audiogen", 1101, (5, 5, 4, 2)),
        ("magnet", 4410, (7, 5, 3, 2)),
        ("musicgen", 2401, (7, 7, 4)),
    ],
)
def test_a_hop_that_does_not_divide_the_rate_shortens_nothing(
    tmp_path: Path, kind: str, sample_rate: int, ratios: tuple[int, ...]
) -> None:
    write_models(tmp_path, Tiny(kind, sample_rate=sample_rate, ratios=ratios), "odd")
    model = {"musicgen": "music", "audiogen": "audio"}.get(kind, kind)
    engine = AudioCraftEngine(EngineOptions(tmp_path, {model: "odd"}, device="cpu", precision="float32"))
    for duration_s in (0.3, 10.0, 31.7):
        (sound,) = render(engine, request(duration_s=duration_s, model=model))
        assert sound.frames == round(duration_s * sample_rate)
        assert sound.samples[:, -sample_rate // 20 :].std() > 1e-5


@pytest.mark.parametrize(
    ("model", "duration_s", "least_steps"),
    [("music", 50.0, 500), ("audio", 15.0, 150), ("magnet", 15.0, 100)],
)
def test_progress_is_of_real_steps_and_only_grows(
    engine: AudioCraftEngine, model: str, duration_s: float, least_steps: int
) -> None:
    told: list[list[float]] = [[], []]
    requests = [request(duration_s=duration_s, model=model), request(duration_s=2.0, model=model)]
    generate_all(engine, requests, lambda index, share: told[index].append(share), CancelToken())
    for shares in told:
        assert all(before < after for before, after in pairwise(shares))
        assert shares[0] > 0
        assert shares[-1] == 1.0
    assert len(told[0]) > least_steps
    assert max(np.diff(told[0])) < 0.06


@pytest.mark.parametrize("model", MODELS)
def test_cancelling_stops_at_the_next_step(engine: AudioCraftEngine, model: str) -> None:
    before = render(engine, request(duration_s=2.0, model=model))[0]
    cancel, told = CancelToken(), list[float]()

    def stop_at_the_third(_index: int, share: float) -> None:
        told.append(share)
        if len(told) == 3:
            cancel.cancel()

    with pytest.raises(GenerationCancelled):
        generate_all(engine, [request(duration_s=60.0, model=model)], stop_at_the_third, cancel)
    assert len(told) == 3
    afterwards = render(engine, request(duration_s=2.0, model=model))[0]
    assert np.array_equal(before.samples, afterwards.samples)


def test_cancelling_stops_between_pieces_of_sound_too(engine: AudioCraftEngine) -> None:
    cancel = CancelToken()

    def stop_late(_index: int, share: float) -> None:
        if share >= 0.95:
            cancel.cancel()

    with pytest.raises(GenerationCancelled):
        generate_all(engine, [request(duration_s=30.0)], stop_late, cancel)


def test_what_was_cancelled_before_does_not_start(engine: AudioCraftEngine) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(GenerationCancelled):
        generate_all(engine, [request()], lambda *_: pytest.fail("it started"), cancel)


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_sounds_like_its_sounds_alone(engine: AudioCraftEngine, model: str) -> None:
    requests = [
        request("rain", 2.5, model=model, seed=3),
        request("a storm far away over the sea", 1.0, model=model, seed=4),
    ]
    together = render(engine, *requests)
    for alone, beside in zip(requests, together, strict=True):
        assert np.abs(render(engine, alone)[0].samples - beside.samples).max() < 1e-5
    assert render(engine) == []


def test_any_other_trouble_is_the_engines(models_dir: Path) -> None:
    engine = AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cpu", precision="float32"))
    with pytest.raises(GenerationFailed, match="ZeroDivisionError"):
        generate_all(engine, [request()], lambda *_: print(1 / 0), CancelToken())  # noqa: T201


def test_it_says_what_it_serves(models_dir: Path) -> None:
    checkpoints = CHECKPOINTS | {"music": "tiny-stereo"}
    engine = create_engine(
        "audiocraft", EngineOptions(models_dir, checkpoints, device="cpu", precision="float32")
    )
    assert engine.name == "audiocraft"
    assert engine.models == MODELS
    before = engine.info("music")
    assert (before.label, before.checkpoint) == ("AudioCraft: tiny-stereo", "tiny-stereo")
    assert before.needs_load
    assert before.max_duration_s == 180
    (sound,) = generate_all(engine, [request()], ignore_progress, CancelToken())
    after = engine.info("music")
    assert (after.sample_rate, after.channels) == (sound.sample_rate, sound.channels) == (1600, 2)
    assert not np.array_equal(sound.samples[0], sound.samples[1])


@pytest.mark.parametrize(
    ("precision", "model", "computed_share"),
    [
        ("auto", "music", 0.5), ("auto", "magnet", 1.0), ("int8", "magnet", 1.0), ("bfloat16", "audio", 1.0),
        ("float32", "music", 2.0),
    ],
)  # fmt: skip
def test_what_a_model_will_take_is_estimated_from_its_files(
    models_dir: Path, precision: str, model: str, computed_share: float
) -> None:
    """On a processor: the weights as published, in half precision, and those that are computed with."""
    folder = models_dir / CHECKPOINTS[model]
    published, codec = ((folder / file).stat().st_size for file in (LM_FILE, CODEC_FILE))
    options = EngineOptions(models_dir, CHECKPOINTS, device="cpu", precision=precision)
    encoder = select_checkpoint(model, CHECKPOINTS[model], models_dir)
    assert encoder is not None
    expected = published + int(published * computed_share) + codec + encoder.text_encoder_bytes
    assert AudioCraftEngine(options).info(model).memory_bytes == pytest.approx(expected, abs=1)


def test_a_model_without_a_checkpoint_is_not_served(models_dir: Path, tmp_path: Path) -> None:
    assert AudioCraftEngine(EngineOptions(tmp_path, device="cpu")).models == ()
    engine = AudioCraftEngine(EngineOptions(models_dir, {"audio": "tiny-audiogen"}, device="cpu"))
    assert engine.models == ("audio",)
    with pytest.raises(RequestNotSupported):
        engine.info("music")
    with pytest.raises(RequestNotSupported):
        render(engine, request())


def test_unloading_gives_everything_back(models_dir: Path) -> None:
    engine = AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cpu", precision="float32"))
    engine.load("music")
    model = weakref.ref(engine._loaded["music"])  # noqa: SLF001 - whether it is gone cannot be asked otherwise
    engine.load("music")
    assert model() is not None
    engine.unload("music")
    engine.unload("music")
    gc.collect()
    assert model() is None
    assert len(render(engine, request())) == 1


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 500.0, float("nan"), float("inf")])
def test_impossible_durations_are_refused(engine: AudioCraftEngine, duration_s: float) -> None:
    with pytest.raises(RequestNotSupported):
        render(engine, request(duration_s=duration_s))


def test_a_melody_is_refused_not_ignored(engine: AudioCraftEngine) -> None:
    melody = Waveform(np.zeros((1, 1_600), np.float32), 1_600)
    assert not engine.info("music").melody
    with pytest.raises(MelodyNotFollowed):
        render(engine, replace(request(), melody=melody))


def test_a_batch_is_of_one_model(engine: AudioCraftEngine) -> None:
    with pytest.raises(RequestNotSupported, match="one model"):
        render(engine, request(), request(model="audio"))


@pytest.mark.parametrize(
    ("device", "precision"), [("cuda:99", "auto"), ("toaster", "auto"), ("cpu", "int3"), ("meta", "int8")]
)
def test_a_device_or_precision_that_there_is_not(tmp_path: Path, device: str, precision: str) -> None:
    with pytest.raises(ModelLoadError):
        AudioCraftEngine(EngineOptions(tmp_path, device=device, precision=precision))


def test_a_sound_goes_all_the_way_to_its_files(tmp_path: Path) -> None:
    tiny = Tiny("musicgen", stereo=True, sample_rate=32_000, ratios=(8, 5, 4, 4))
    write_models(tmp_path, tiny, "full-rate")
    engine = AudioCraftEngine(
        EngineOptions(tmp_path, {"music": "full-rate"}, device="cpu", precision="float32")
    )
    (sound,) = render(engine, request("🎻 строгий вальс", 2.0))
    finished = finish(sound, duration_s=2.0, loopable=False)
    (tmp_path / "out").mkdir()
    renditions = write_renditions(finished, tmp_path / "out", "sound", dither_seed=1)
    assert finished.waveform.frames == 64_000
    assert finished.waveform.channels == 2
    assert all(rendition.size_bytes > 0 for rendition in renditions)
