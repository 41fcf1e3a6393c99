"""In float32 greedy tokens are AudioCraft's own over more than 500 steps, in any batch."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.helpers import (
    GREEDY,
    audiocraft_model,
    audiocraft_tokens,
    decode_all,
    request,
    sequences_of,
)
from tests.engines.audiocraft.tiny import Tiny, write_models
from tests.engines.audiocraft.traced import TracedCapture
from webapp.engines.audiocraft.decoder.autoregressive_runner import AutoregressiveRunner
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import build_runner
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.audiocraft.model_runner import ModelRunner
from webapp.weights.catalogue import Kind

if TYPE_CHECKING:
    from audiocraft.models.genmodel import BaseGenModel

pytestmark = pytest.mark.slow

Make = Callable[[LoadedModel, int], ModelRunner]
Theirs = Callable[[str, str, float], Tensor]
PROMPTS = ("a slow waltz for two harps", "rain", "thunder over the hills and far away", "a choir")


def plain(model: LoadedModel, sequences: int) -> ModelRunner:
    return build_runner(model, Precision.FLOAT32, sequences)


def graphs(model: LoadedModel, sequences: int) -> ModelRunner:
    steps = columns_of(model.window_frames, model.delays)
    backend = GraphBackend(model.weights, 2 * sequences, steps, dtype=torch.float32, capture=TracedCapture())
    return AutoregressiveRunner(backend, model.codebooks, model.card, model.delays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints with the published 50 frames a second, whose windows are 20 s long."""
    models_dir = tmp_path_factory.mktemp("exact")
    for stereo in (False, True):
        tiny = Tiny("musicgen", stereo=stereo, sample_rate=8000, segment_s=20)
        write_models(models_dir, tiny, "stereo" if stereo else "mono")
    return models_dir


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Theirs:
    """AudioCraft's own tokens, computed once: that takes longer than all of ours."""

    @cache
    def model(name: str) -> "BaseGenModel":
        return audiocraft_model("musicgen", folder / name)

    @cache
    def tokens(name: str, prompt: str, duration_s: float) -> Tensor:
        return audiocraft_tokens(model(name), [prompt], duration_s, 12)[0]

    return tokens


def loaded(folder: Path, name: str) -> LoadedModel:
    return load_model(folder / name, folder, Kind.MUSICGEN, device=torch.device("cpu"), dtype=torch.float32)


def ours(model: LoadedModel, make: Make, durations_s: tuple[float, ...], stagger: int = 0) -> list[Tensor]:
    runner = make(model, len(durations_s))
    requests = [
        request(prompt, duration_s, sampling=GREEDY)
        for prompt, duration_s in zip(PROMPTS, durations_s, strict=False)
    ]
    sequences = sequences_of(model, runner, *requests)
    with torch.inference_mode():
        decode_all(runner, sequences, stagger)
    return [sequence.tokens for sequence in sequences]


@pytest.mark.parametrize("make", [plain, graphs])
@pytest.mark.parametrize(
    ("name", "durations_s", "stagger"),
    [
        ("mono", (10.5,), 0),
        ("stereo", (10.5,), 0),
        # Lengths that differ, joining one after the other; the third goes on into a second window.
        ("mono", (10.5, 3.1, 24.0, 12.0), 45),
        ("stereo", (24.0, 10.4), 0),
    ],
)
def test_greedy_tokens_over_500_steps(
    folder: Path, theirs: Theirs, make: Make, name: str, durations_s: tuple[float, ...], stagger: int
) -> None:
    tokens = ours(loaded(folder, name), make, durations_s, stagger)
    for prompt, duration_s, mine in zip(PROMPTS, durations_s, tokens, strict=False):
        assert torch.equal(mine, theirs(name, prompt, duration_s))
        assert len(torch.unique(mine, dim=1).T) > mine.shape[-1] / 10
