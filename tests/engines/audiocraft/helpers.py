"""What several of these tests need."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.engines.audiocraft.tiny import without_t5_download
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import JobMaker, decoding_of
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.sequence import Decoding, Job
from webapp.engines.base import CancelToken, GenerationRequest, Sampling
from webapp.engines.batch import BatchTask

if TYPE_CHECKING:
    from audiocraft.models.genmodel import BaseGenModel

GREEDY = Sampling(temperature=0.0)


def ignore_progress(_index: int, _share: float) -> None:
    """Progress that nobody wants."""


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
    """Tokens (codebooks, frames) of requests decoded together from the beginning, in float32."""
    decoding = decoding_of(model, Precision.FLOAT32, len(requests))
    jobs = jobs_of(model, decoding, *requests)
    with torch.inference_mode():
        decode_all(decoding, jobs)
    return [job.tokens for job in jobs]


def jobs_of(model: LoadedModel, decoding: Decoding, *requests: GenerationRequest) -> list[Job]:
    make = JobMaker(model, decoding).make
    return [make(BatchTask(0, request, ignore_progress, CancelToken())) for request in requests]


def decode_all(decoding: Decoding, jobs: Sequence[Job], stagger: int = 0) -> None:
    """Decode jobs; each joins so many steps after the one before."""
    waiting, at_work, step = list(jobs), list[Job](), 0
    while waiting or at_work:
        while waiting and step >= stagger * (len(jobs) - len(waiting)):
            at_work.append(waiting.pop(0))
            decoding.join(at_work[-1])
        assert not decoding.advance()
        step += 1
        for job in [job for job in at_work if job.is_decoded]:
            at_work.remove(job)
            decoding.leave(job)


def audiocraft_model(kind: str, folder: Path) -> "BaseGenModel":
    """The same checkpoint through AudioCraft's own loader."""
    from audiocraft.models import AudioGen, MAGNeT, MusicGen  # noqa: PLC0415 - after its stand-ins

    classes = {"musicgen": MusicGen, "audiogen": AudioGen, "magnet": MAGNeT}
    with without_t5_download(folder.parent):
        return classes[kind].get_pretrained(str(folder), device="cpu")


def audiocraft_tokens(
    model: "BaseGenModel", prompts: Sequence[str], duration_s: float, extend_stride_s: float
) -> Tensor:
    """AudioCraft's own greedy tokens (jobs, codebooks, frames)."""
    model.set_generation_params(use_sampling=False, duration=duration_s, extend_stride=extend_stride_s)
    _, tokens = model.generate(list(prompts), return_tokens=True)
    result: Tensor = tokens
    return result
