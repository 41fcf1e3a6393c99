"""Samples the next tokens, each sequence with its own settings and its own random numbers.

AudioCraft draws from torch's global generator, so that a sequence's tokens depend on what ran before it and
on its batch. Here every sequence draws uniform numbers from a private generator on the CPU, a window at a
time, and a token is where such a number falls in the sequence's own distribution. The same seed gives the
same numbers on any device, alone or in a batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.devices import on_device
from webapp.engines.base import Sampling
from webapp.weights.catalogue import Usage

NO_TOP_P: Final = 2.0
SEED_MASK: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class TokenSampling:
    """The sampling settings of one sequence.

    `temperature` 0 takes the most likely token. `top_k` 0 and `top_p` 0 filter nothing. `guidance` is the
    scale of classifier-free guidance; MAGNeT starts with it and ends with 1.
    """

    temperature: float
    top_k: int
    top_p: float
    guidance: float

    @property
    def is_greedy(self) -> bool:
        return self.temperature <= 0.0


def settings_for(requested: Sampling, usage: Usage) -> TokenSampling:
    """Return the requested sampling settings, with the checkpoint's defaults for the rest.

    Of `top_k` and `top_p`, asking for one alone switches the other's default off; asking for both applies
    both.
    """
    top_k = requested.top_k if requested.top_k is not None else usage.top_k if requested.top_p is None else 0
    top_p = (
        requested.top_p if requested.top_p is not None else usage.top_p if requested.top_k is None else 0.0
    )
    return TokenSampling(
        temperature=usage.temperature if requested.temperature is None else requested.temperature,
        top_k=top_k,
        top_p=top_p,
        guidance=usage.guidance if requested.guidance is None else requested.guidance,
    )


class UniformSource:
    """One sequence's source of uniform random numbers in [0, 1)."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator(device="cpu").manual_seed(seed & SEED_MASK)

    def draw(self, *shape: int) -> Tensor:
        """Draw the next numbers, float32 on the CPU."""
        return torch.rand(shape, generator=self._generator, dtype=torch.float32)


class BatchSampler:
    """Samples tokens for a batch of sequences, each with its own settings."""

    def __init__(self, settings: Sequence[TokenSampling], card: int, device: torch.device) -> None:
        def column(values: Sequence[float], dtype: torch.dtype = torch.float32) -> Tensor:
            return on_device(values, device, dtype)[:, None, None]

        self._greedy = on_device([each.is_greedy for each in settings], device)[:, None]
        self._all_greedy = all(each.is_greedy for each in settings)
        self._temperature = column([1.0 if each.is_greedy else each.temperature for each in settings])
        top_ks = [min(each.top_k, card) for each in settings]
        self._largest_top_k = max(top_ks)
        self._top_k = column([max(top_k, 1) - 1 for top_k in top_ks], torch.int64)
        self._uses_top_k = column([1.0 if top_k else 0.0 for top_k in top_ks])
        self._uses_top_p = any(each.top_p > 0 for each in settings)
        self._top_p = column([each.top_p if each.top_p > 0 else NO_TOP_P for each in settings])

    def tokens(self, logits: Tensor, uniform: Tensor, temperature: float | None = None) -> Tensor:
        """Sample tokens (sequences, rows) from logits (sequences, rows, card) and random numbers.

        `temperature` overrides that of the settings.
        """
        most_likely = logits.argmax(dim=-1)
        if self._all_greedy:
            return most_likely
        scale = self._temperature if temperature is None else temperature
        weights = self._filtered(torch.softmax(logits.float() / scale, dim=-1))
        # In the order of the vocabulary: rounding that reorders near-equal tokens does not change the result.
        cumulated = weights.cumsum(dim=-1)
        whole = cumulated[..., -1:]
        # Rounding may put the aim at the very end, beyond tokens that are filtered out.
        aim = torch.minimum(
            uniform.to(cumulated)[..., None] * whole, whole.nextafter(torch.zeros_like(whole))
        )
        sampled = (cumulated <= aim).sum(dim=-1).clamp_(max=logits.shape[-1] - 1)
        return torch.where(self._greedy, most_likely, sampled)

    def _filtered(self, probabilities: Tensor) -> Tensor:
        """Set the probabilities outside `top_k` or `top_p` to zero; the most likely token always stays."""
        threshold = torch.zeros_like(self._top_p)
        if self._largest_top_k:
            # As in AudioCraft, tokens as likely as the last of the top k are kept as well.
            top = probabilities.topk(self._largest_top_k, dim=-1).values
            threshold = top.gather(-1, self._top_k.expand(-1, top.shape[1], 1)) * self._uses_top_k
        filtered = probabilities * (probabilities >= threshold)
        if not self._uses_top_p:
            return filtered
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        within = ordered.cumsum(dim=-1) - ordered <= self._top_p
        return filtered * torch.zeros_like(within).scatter_(-1, order, within)


class TokenSampler(Protocol):
    """Samples one column's tokens for a batch of sequences, with classifier-free guidance."""

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (sequences, codebooks), and for each sequence whether its logits are all finite.

        `logits` are (sequences, 2, codebooks, card), with the text and without; `uniform` is (sequences,
        codebooks). Where logits are not finite, any token may be returned.
        """
        ...


TokenSamplerFactory: TypeAlias = Callable[[Sequence[TokenSampling], int, torch.device], TokenSampler]
"""Makes a sampler from the settings of a batch, the vocabulary's size, and the device."""


class GuidedSampler:
    """A sampler for any device; it does not wait for the device."""

    def __init__(self, settings: Sequence[TokenSampling], card: int, device: torch.device) -> None:
        self._sampler = BatchSampler(settings, card, device)
        self._guidance = on_device([each.guidance for each in settings], device, torch.float32)[:, None, None]

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        text, unconditional = logits.unbind(1)
        guided = unconditional + (text - unconditional) * self._guidance
        return self._sampler.tokens(guided, uniform), torch.isfinite(guided).flatten(1).all(dim=1)
