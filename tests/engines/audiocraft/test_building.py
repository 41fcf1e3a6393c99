"""Which precision, how many jobs, and that `auto` gives sound."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engines.audiocraft.conftest import CHECKPOINTS
from tests.engines.audiocraft.helpers import ignore_progress, request
from webapp.engines.audiocraft import building
from webapp.engines.audiocraft.building import build_server, resolved
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.devices import DeviceMemory, Precision
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.base import CancelToken, EngineOptions, ModelLoadError
from webapp.engines.batch import generate_all

Load = Callable[[str], LoadedModel]


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NativeUnavailable("there is no compiler")

    monkeypatch.setattr(building, "native_factory", refuse)


@pytest.mark.parametrize("model", ["music", "magnet"])
def test_auto_gives_sound(models_dir: Path, model: str) -> None:
    engine = AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cpu"))
    requests = [request(model=model, duration_s=3.0), request(model=model, duration_s=1.0)]
    for sound, asked in zip(
        generate_all(engine, requests, ignore_progress, CancelToken()), requests, strict=True
    ):
        assert sound.frames == round(asked.duration_s * 1600)
        assert sound.samples.std() > 1e-4
    assert engine.info(model).max_batch == (2 if model == "magnet" else 8)


@pytest.mark.parametrize(("is_quick", "expected"), [(True, Precision.BFLOAT16), (False, Precision.FLOAT32)])
@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_a_processor_takes_what_is_quick(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, is_quick: bool, expected: Precision
) -> None:
    monkeypatch.setattr(building, "has_quick_bfloat16", lambda: is_quick)
    for name in ("tiny-musicgen", "tiny-magnet"):
        assert resolved(None, loaded(name)) is expected
    assert resolved(Precision.FLOAT32, loaded("tiny-musicgen")) is Precision.FLOAT32
    with pytest.raises(ModelLoadError, match="int8 cannot be had here: there is no compiler"):
        build_server(loaded("tiny-musicgen"), Precision.INT8)


@pytest.mark.parametrize(("device", "expected"), [("cuda:0", Precision.FLOAT16), ("mps", Precision.FLOAT32)])
def test_other_devices_have_their_own(loaded: Load, device: str, expected: Precision) -> None:
    model = replace(loaded("tiny-musicgen"), device=torch.device(device))
    assert resolved(None, model) is expected


@pytest.mark.parametrize(("free_jobs", "expected"), [(0.5, 1), (3.5, 3), (1000, 8)])
def test_as_many_jobs_as_memory_allows(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, free_jobs: float, expected: int
) -> None:
    model = loaded("tiny-musicgen")
    # Two rows of keys and values for 304 columns of 32 numbers in 2 layers; a third of what is free.
    job_bytes = 2 * 2 * 304 * 32 * 2 * 4
    monkeypatch.setattr(DeviceMemory, "available_bytes", lambda _: int(3 * free_jobs * job_bytes))
    assert build_server(model, Precision.FLOAT32).capacity == expected


def test_the_last_prompts_are_remembered(loaded: Load) -> None:
    encoder = PromptEncoder(loaded("tiny-musicgen"), remembered=2)
    rain, birds = encoder.encode("rain"), encoder.encode("birds")
    assert encoder.encode("rain") is rain
    encoder.encode("thunder")
    assert encoder.encode("rain") is rain
    again = encoder.encode("birds")
    assert again is not birds
    assert torch.equal(again.text, birds.text)
