"""Draws the next tokens: each job with its own settings and its own source of chance.

AudioCraft draws from torch's global generator, so that a job's tokens depend on what ran before it and
beside it. Here every job draws its uniform numbers from a private generator on the CPU, a window at a
time, and a token is where such a number falls in the job's own distribution. The same seed gives the
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
    """Settings in force for one job.

    `temperature` 0 takes the likeliest token. `top_k` 0 and `top_p` 0 filter nothing. `guidance` is how
    far the text pulls; MAGNeT begins with it and ends with 1.
    """

    temperature: float
    top_k: int
    top_p: float
    guidance: float

    @property
    def is_greedy(self) -> bool:
        return self.temperature <= 0.0


def settings_for(asked: Sampling, usage: Usage) -> TokenSampling:
    """Return the requested sampling settings, with the checkpoint's defaults for the rest.

    Of `top_k` and `top_p`, asking for one alone switches the other's default off; asking for both applies
    both.
    """
    top_k = asked.top_k if asked.top_k is not None else usage.top_k if asked.top_p is None else 0
    top_p = asked.top_p if asked.top_p is not None else usage.top_p if asked.top_k is None else 0.0
    return TokenSampling(
        temperature=usage.temperature if asked.temperature is None else asked.temperature,
        top_k=top_k,
        top_p=top_p,
        guidance=usage.guidance if asked.guidance is None else asked.guidance,
    )


class Chance:
    """One job's source of uniform numbers in [0, 1)."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator(device="cpu").manual_seed(seed & SEED_MASK)

    def draw(self, *shape: int) -> Tensor:
        """The next numbers, float32 on the CPU."""
        return torch.rand(shape, generator=self._generator, dtype=torch.float32)


class BatchSampler:
    """Draws tokens for a batch of jobs, each with its own settings."""

    def __init__(self, jobs: Sequence[TokenSampling], card: int, device: torch.device) -> None:
        def column(values: Sequence[float], dtype: torch.dtype = torch.float32) -> Tensor:
            return on_device(values, device, dtype)[:, None, None]

        self._greedy = on_device([job.is_greedy for job in jobs], device)[:, None]
        self._all_greedy = all(job.is_greedy for job in jobs)
        self._temperature = column([1.0 if job.is_greedy else job.temperature for job in jobs])
        kept = [min(job.top_k, card) for job in jobs]
        self._most_kept = max(kept)
        self._top_k = column([max(count, 1) - 1 for count in kept], torch.int64)
        self._has_top_k = column([1.0 if count else 0.0 for count in kept])
        self._has_top_p = any(job.top_p > 0 for job in jobs)
        self._top_p = column([job.top_p if job.top_p > 0 else NO_TOP_P for job in jobs])

    def tokens(self, logits: Tensor, uniform: Tensor, temperature: float | None = None) -> Tensor:
        """Draw from `logits` (jobs, rows, card) with numbers (jobs, rows); tokens have shape (jobs, rows).

        `temperature` goes before the jobs' own.
        """
        likeliest = logits.argmax(dim=-1)
        if self._all_greedy:
            return likeliest
        scale = self._temperature if temperature is None else temperature
        weights = self._kept(torch.softmax(logits.float() / scale, dim=-1))
        # In the order of the vocabulary: near equals that change places do not change the token.
        cumulated = weights.cumsum(dim=-1)
        whole = cumulated[..., -1:]
        # Rounding may put the aim at the very end, behind tokens that are left out.
        aim = torch.minimum(
            uniform.to(cumulated)[..., None] * whole, whole.nextafter(torch.zeros_like(whole))
        )
        drawn = (cumulated <= aim).sum(dim=-1).clamp_(max=logits.shape[-1] - 1)
        return torch.where(self._greedy, likeliest, drawn)

    def _kept(self, probabilities: Tensor) -> Tensor:
        """Probabilities, zero where `top_k` or `top_p` leave a token out; the likeliest always stays."""
        least = torch.zeros_like(self._top_p)
        if self._most_kept:
            # As AudioCraft does it, tokens as likely as the last one kept are kept as well.
            likeliest = probabilities.topk(self._most_kept, dim=-1).values
            least = likeliest.gather(-1, self._top_k.expand(-1, likeliest.shape[1], 1)) * self._has_top_k
        kept = probabilities * (probabilities >= least)
        if not self._has_top_p:
            return kept
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        within = ordered.cumsum(dim=-1) - ordered <= self._top_p
        return kept * torch.zeros_like(within).scatter_(-1, order, within)


class Drawer(Protocol):
    """Draws a column's tokens for some jobs, guided by their texts."""

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (jobs, codebooks), and for each job whether its numbers are all finite.

        `logits` (jobs, text and its absence, codebooks, card), `uniform` (jobs, codebooks). Where they are
        not finite any token may be drawn.
        """
        ...


DrawerFactory: TypeAlias = Callable[[Sequence[TokenSampling], int, torch.device], Drawer]
"""Makes a drawer for jobs with such settings, from vocabularies of so many tokens."""


class GuidedSampler:
    """A drawer for any device, which nothing in it waits for."""

    def __init__(self, jobs: Sequence[TokenSampling], card: int, device: torch.device) -> None:
        self._sampler = BatchSampler(jobs, card, device)
        self._guidance = on_device([job.guidance for job in jobs], device, torch.float32)[:, None, None]

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        text, absent = logits.unbind(1)
        guided = absent + (text - absent) * self._guidance
        return self._sampler.tokens(guided, uniform), torch.isfinite(guided).flatten(1).all(dim=1)
