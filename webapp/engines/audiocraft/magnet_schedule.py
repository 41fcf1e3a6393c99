"""The order in which MAGNeT decodes a window: its passes, how much each masks, and how warm it samples."""

import math
from dataclasses import dataclass
from typing import Final

import torch

OTHER_CODEBOOK_STEPS: Final = 10


def decoding_steps(codebooks: int, first: int) -> tuple[int, ...]:
    """Return the passes through the model for each codebook of a window, `first` of them for the first."""
    return (first,) + (OTHER_CODEBOOK_STEPS,) * (codebooks - 1)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a codebook: the share of spans that it masks, and its temperature factor, 1 to 0."""

    codebook: int
    is_first: bool
    masked_share: float
    temperature_factor: float


def _passes(codebook: int, steps: int) -> list[Pass]:
    """Return the cosine schedule of a codebook, with a linear annealing of the temperature."""
    shares = torch.cos(torch.linspace(0, 1, steps) * math.pi * 0.5).tolist()
    return [Pass(codebook, step == 0, share, (steps - 1 - step) / steps) for step, share in enumerate(shares)]


def all_passes(codebooks: int, first: int) -> list[Pass]:
    """Return the passes over a window, codebook by codebook."""
    return [
        current
        for codebook, steps in enumerate(decoding_steps(codebooks, first))
        for current in _passes(codebook, steps)
    ]


@dataclass(frozen=True, slots=True)
class Segment:
    """Windows of `window_frames`, in spans of `span_frames`.

    Codebooks after the first attend to `context_frames` on either side only; below 0 they attend to all. The
    first takes `first_passes`. `usual_temperature` is the temperature of the confidence in greedy sampling.
    """

    window_frames: int
    span_frames: int
    context_frames: int
    first_passes: int = 20
    usual_temperature: float = 3.0
