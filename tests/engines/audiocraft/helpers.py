"""Helpers of several tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.engines.audiocraft.tiny import without_t5_download
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import SequenceFactory, build_runner
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.model_runner import ModelRunner
from webapp.engines.audiocraft.sequence import TokenSequence
from webapp.engines.base import CancelToken, GenerationRequest, Sampling
from webapp.engines.batch import BatchTask

if TYPE_CHECKING:
    from audiocraft.models.genmodel import BaseGenModel

GREEDY = Sampling(temperature=0.0)


def ignore_progress(_index: int, _share: float) -> None:
    """Ignore progress."""


def request(
    prompt: str = "calm rain",
    duration_s: float = 2.0,
    *,
    model: str = "music",
    seed: int = 1,
    sampling: Sampling | None = None,
) -> GenerationRequest:
    return GenerationRequest(prompt, duration_s, model, seed, sampling or Sampling())


def tokens_of(model: LoadedModel, *requests: GenerationRequest) -> list[Tensor]:
    """Return tokens (codebooks, frames) of requests decoded in one batch from the start, in float32."""
    runner = build_runner(model, Precision.FLOAT32, len(requests))
    sequences = sequences_of(model, runner, *requests)
    with torch.inference_mode():
        decode_all(runner, sequences)
    return [sequence.tokens for sequence in sequences]


def sequences_of(
    model: LoadedModel, runner: ModelRunner, *requests: GenerationRequest
) -> list[TokenSequence]:
    make = SequenceFactory(model, runner).make
    return [make(BatchTask(0, request, ignore_progress, CancelToken())) for request in requests]


def decode_all(runner: ModelRunner, sequences: Sequence[TokenSequence], stagger: int = 0) -> None:
    """Decode sequences; each joins `stagger` steps after the one before."""
    waiting, active, step = list(sequences), list[TokenSequence](), 0
    while waiting or active:
        while waiting and step >= stagger * (len(sequences) - len(waiting)):
            active.append(waiting.pop(0))
            runner.add(active[-1])
        assert not runner.step()
        step += 1
        for sequence in [sequence for sequence in active if sequence.is_decoded]:
            active.remove(sequence)
            runner.remove(sequence)


def audiocraft_model(kind: str, folder: Path) -> "BaseGenModel":
    """Load a checkpoint with AudioCraft's own loader."""
    from audiocraft.models import AudioGen, MAGNeT, MusicGen  # noqa: PLC0415 - after its stand-ins

    classes = {"musicgen": MusicGen, "audiogen": AudioGen, "magnet": MAGNeT}
    with without_t5_download(folder.parent):
        return classes[kind].get_pretrained(str(folder), device="cpu")


def audiocraft_tokens(
    model: "BaseGenModel", prompts: Sequence[str], duration_s: float, extend_stride_s: float
) -> Tensor:
    """Return AudioCraft's own greedy tokens (prompts, codebooks, frames)."""
    model.set_generation_params(use_sampling=False, duration=duration_s, extend_stride=extend_stride_s)
    _, tokens = model.generate(list(prompts), return_tokens=True)
    result: Tensor = tokens
    return result
