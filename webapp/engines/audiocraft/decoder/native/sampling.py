"""Samples tokens with the compiled library: on a CPU a few vector loops cost less than calling torch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.native.library import Library, SamplingParams, default_library, pointer
from webapp.engines.audiocraft.sampling import TokenSamplerFactory, TokenSampling


class NativeSampler:
    """A :class:`webapp.engines.audiocraft.sampling.TokenSampler` for logits in the host's memory."""

    def __init__(self, library: Library, settings: Sequence[TokenSampling], card: int) -> None:
        self._library = library
        self._card = card
        self._params = (SamplingParams * len(settings))(
            *(
                SamplingParams(max(each.temperature, 0.0), each.top_p, each.guidance, each.top_k)
                for each in settings
            )
        )

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Raises ValueError for shapes that do not fit the batch: the library checks no bounds."""
        count, codebooks = uniform.shape
        if count != len(self._params) or logits.shape != (count, 2, codebooks, self._card):
            raise ValueError(f"logits of shape {tuple(logits.shape)} for {len(self._params)} sequences")
        logits, uniform = logits.float().contiguous(), uniform.float().contiguous()
        tokens = torch.empty(count, codebooks, dtype=torch.int64)
        is_finite = torch.empty(count, dtype=torch.bool)
        self._library.call(
            "draw",
            pointer(logits),
            count,
            codebooks,
            self._card,
            self._params,
            pointer(uniform),
            pointer(tokens),
            pointer(is_finite),
        )
        return tokens, is_finite


def native_sampler_factory() -> TokenSamplerFactory:
    """Return what makes samplers of the compiled library. Raises NativeUnavailable."""
    library = default_library()

    def make(settings: Sequence[TokenSampling], card: int, _device: torch.device) -> NativeSampler:
        return NativeSampler(library, settings, card)

    return make
