"""What several of these tests need."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from tests.engines.audiocraft.tiny import without_t5_download
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.audiocraft.tokens import TokenDecoder
from webapp.engines.base import CancelToken, GenerationRequest, Sampling

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
    return TokenDecoder(model).decode(requests, ignore_progress, CancelToken())


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
