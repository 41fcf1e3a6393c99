"""The factory chooses precision and batch size, and `auto` gives sound."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from tests.engines.audiocraft.conftest import CHECKPOINTS
from tests.engines.audiocraft.helpers import ignore_progress, request
from webapp.engines.audiocraft import factory
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import DeviceMemory, Precision
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.factory import (
    affordable_batch,
    build_scheduler,
    initial_precision,
    scheduler_for,
    sequence_bytes,
)
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.precision import PrecisionDistances
from webapp.engines.base import CancelToken, EngineOptions, ModelLoadError
from webapp.engines.batch import generate_all

Load = Callable[[str], LoadedModel]
CUDA = torch.device("cuda:0")


class _Shape:
    """The shape of weights that are too large to be allocated here."""

    card = 2048

    def __init__(self, dim: int, layers: int) -> None:
        self.dim, self.hidden, self.layers = dim, 4 * dim, [None] * layers


def _shape(dim: int, layers: int) -> DecoderWeights:
    return cast("DecoderWeights", _Shape(dim, layers))


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NativeUnavailable("there is no compiler")

    monkeypatch.setattr(factory, "native_factory", refuse)


@pytest.mark.parametrize("model", ["music", "magnet"])
def test_auto_gives_sound(models_dir: Path, model: str) -> None:
    engine = AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cpu"))
    requests = [request(model=model, duration_s=3.0), request(model=model, duration_s=1.0)]
    for sound, requested in zip(
        generate_all(engine, requests, ignore_progress, CancelToken()), requests, strict=True
    ):
        assert sound.frames == round(requested.duration_s * 1600)
        assert sound.samples.std() > 1e-4
    assert engine.info(model).max_batch == (2 if model == "magnet" else 8)


@pytest.mark.parametrize(("is_quick", "expected"), [(True, Precision.BFLOAT16), (False, Precision.FLOAT32)])
@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_a_processor_takes_what_is_quick(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, is_quick: bool, expected: Precision
) -> None:
    monkeypatch.setattr(factory, "has_fast_bfloat16", lambda: is_quick)
    for name in ("tiny-musicgen", "tiny-magnet"):
        assert initial_precision(None, loaded(name)) is expected
    assert initial_precision(Precision.FLOAT32, loaded("tiny-musicgen")) is Precision.FLOAT32
    with pytest.raises(ModelLoadError, match="int8 is not available here: there is no compiler"):
        scheduler_for(loaded("tiny-musicgen"), Precision.INT8)


def test_magnet_does_not_say_that_it_is_computed_in_int8(loaded: Load) -> None:
    model = loaded("tiny-magnet")
    requested, usual = (
        build_scheduler(model, precision, PrecisionDistances(), batch=1)
        for precision in (Precision.INT8, None)
    )
    assert requested.precision is usual.precision is not Precision.INT8
    assert requested.reason == usual.reason


@pytest.mark.parametrize(("device", "expected"), [("cuda:0", Precision.FLOAT16), ("mps", Precision.FLOAT32)])
def test_other_devices_have_their_own(loaded: Load, device: str, expected: Precision) -> None:
    model = replace(loaded("tiny-musicgen"), device=torch.device(device))
    assert initial_precision(None, model) is expected


@pytest.mark.parametrize(("free_sequences", "expected"), [(0.5, 1), (3.5, 3), (1000, 8)])
def test_the_batch_is_as_large_as_memory_allows(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, free_sequences: float, expected: int
) -> None:
    model = loaded("tiny-musicgen")
    # Two rows of keys and values for 304 columns of 32 numbers in 2 layers; a third of what is free.
    cache_bytes = 2 * 2 * 304 * 32 * 2 * 4
    monkeypatch.setattr(DeviceMemory, "available_bytes", lambda _: int(3 * free_sequences * cache_bytes))
    assert scheduler_for(model, Precision.FLOAT32).capacity == expected


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet"])
@pytest.mark.parametrize(("free_sequences", "expected"), [(0.5, 1), (3.5, 3), (1000, 16)])
def test_memory_bounds_the_batch_of_every_kind_on_a_gpu(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, name: str, free_sequences: float, expected: int
) -> None:
    model = replace(loaded(name), device=torch.device("cuda:0"))
    each = sequence_bytes(model, Precision.FLOAT16)
    monkeypatch.setattr(DeviceMemory, "available_bytes", lambda _: int(3 * free_sequences * each))
    assert affordable_batch(model, Precision.FLOAT16) == expected


def test_a_sequence_takes_what_the_published_models_take(loaded: Load) -> None:
    """MusicGen large with its text cache, and MAGNeT medium of 30 s, whose batch of 16 needs some 5 GB."""
    large = replace(loaded("tiny-musicgen"), weights=_shape(2048, 48), window_frames=1500, device=CUDA)
    assert sequence_bytes(large, Precision.FLOAT16) == 2 * 2 * 48 * (1504 + 256) * 2048 * 2
    medium = replace(loaded("tiny-magnet"), weights=_shape(1536, 48), window_frames=1500, device=CUDA)
    assert 3e9 < 16 * sequence_bytes(medium, Precision.FLOAT16) < 8e9


def test_the_last_prompts_are_cached(loaded: Load) -> None:
    encoder = PromptEncoder(loaded("tiny-musicgen"), capacity=2)
    rain, birds = encoder.encode("rain"), encoder.encode("birds")
    assert encoder.encode("rain") is rain
    encoder.encode("thunder")
    assert encoder.encode("rain") is rain
    again = encoder.encode("birds")
    assert again is not birds
    assert torch.equal(again.text, birds.text)
