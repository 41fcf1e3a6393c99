"""Models that make room for each other leave nothing behind; `make test-models-long` does it at full size."""

import gc
from pathlib import Path

import torch

from tests.models_e2e.conftest import CHECKPOINTS
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.manager import ModelState
from webapp.settings import Settings
from webapp.worker.engine_set import EngineSet

JOBS, WARM_UP = 15, 6
MODELS = tuple(CHECKPOINTS)


def held_bytes() -> int:
    """Size of all tensors that are alive."""
    gc.collect()
    tensors = (found for found in gc.get_objects() if issubclass(type(found), torch.Tensor))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_jobs_of_three_models_in_turn_leave_nothing_behind(tiny_models: Path) -> None:
    settings = Settings(
        engine="audiocraft", device="cpu", threads=1, models_dir=str(tiny_models),
        # More than any machine has, so that every load evicts what was loaded before.
        model_memory_reserve_mb=1_000_000_000,
        music_checkpoint=CHECKPOINTS["music"], audio_checkpoint=CHECKPOINTS["audio"],
        magnet_checkpoint=CHECKPOINTS["magnet"],
    )  # fmt: skip
    engines = EngineSet.from_settings(settings)
    held = []
    for job in range(JOBS):
        model = MODELS[job % len(MODELS)]
        request = GenerationRequest("rain", 1.0, model, job)
        (sound,) = generate_all(engines, [request], lambda _index, _share: None, CancelToken())
        assert sound.duration_s == 1.0
        ready = [name for name, status in engines.status().items() if status.state is ModelState.READY]
        assert ready == [model]
        held.append(held_bytes())
    for number, model in enumerate(MODELS):
        of_model = held[number :: len(MODELS)]
        assert len(set(of_model[WARM_UP // len(MODELS) :])) == 1, f"{model} took {of_model} bytes"
    engines.unload(MODELS[-1])
    assert held_bytes() < min(held)
