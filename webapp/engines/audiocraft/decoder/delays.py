"""The delay pattern: a window's tokens in decoding order, with each codebook delayed against the others.

Column ``1 + t + delay`` holds frame ``t`` of a codebook. Column 0, and those where a codebook has no frame,
hold the special token.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.devices import on_device

UNKNOWN: Final = -1
"""Marks a token that is still to be decoded."""


def columns_of(frames: int, delays: Sequence[int]) -> int:
    """Return the columns that a number of frames takes."""
    return 1 + frames + max(delays)


def delayed(prompt: Tensor, frames: int, delays: Sequence[int], special_token: int) -> Tensor:
    """Return columns (columns, codebooks) for a window of `frames` that starts with a prompt."""
    device = prompt.device
    prompt_frames, total = prompt.shape[-1], columns_of(frames, delays)
    shift = on_device(delays, device)
    frame = torch.arange(total, device=device)[:, None] - 1 - shift
    columns = torch.where((frame >= 0) & (frame < frames), UNKNOWN, special_token)
    for codebook, delay in enumerate(delays):
        columns[1 + delay : 1 + delay + prompt_frames, codebook] = prompt[codebook]
    return columns


def frames_in(columns: Tensor, start: int, end: int, delays: Sequence[int]) -> Tensor:
    """Extract frames `start` to `end` (codebooks, end - start) from columns (columns, codebooks)."""
    return torch.stack(
        [columns[1 + delay + start : 1 + delay + end, codebook] for codebook, delay in enumerate(delays)]
    )


def final_frames(columns: int, frames: int, delays: Sequence[int]) -> int:
    """Return how many frames of a window are complete in all codebooks after a number of columns."""
    return min(max(columns - 1 - max(delays), 0), frames)
