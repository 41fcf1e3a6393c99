"""A window's tokens in the order of decoding, with codebooks delayed against each other.

Column ``1 + t + delay`` holds frame ``t`` of a codebook. Column 0, and those where a codebook has no frame,
hold the token that means "not there".
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.devices import on_device

UNKNOWN: Final = -1
"""Where a token is still to be decoded."""


def columns_of(frames: int, delays: Sequence[int]) -> int:
    """Columns that so many frames take."""
    return 1 + frames + max(delays)


def delayed(prompt: Tensor, frames: int, delays: Sequence[int], absent: int) -> Tensor:
    """Columns (columns, codebooks) for a window of `frames`, begun with `prompt` (codebooks, given)."""
    device = prompt.device
    given, total = prompt.shape[-1], columns_of(frames, delays)
    shift = on_device(delays, device)
    frame = torch.arange(total, device=device)[:, None] - 1 - shift
    columns = torch.where((frame >= 0) & (frame < frames), UNKNOWN, absent)
    for codebook, delay in enumerate(delays):
        columns[1 + delay : 1 + delay + given, codebook] = prompt[codebook]
    return columns


def frames_in(columns: Tensor, start: int, end: int, delays: Sequence[int]) -> Tensor:
    """Frames `start` to `end` (codebooks, end - start) of columns (columns, codebooks)."""
    return torch.stack(
        [columns[1 + delay + start : 1 + delay + end, codebook] for codebook, delay in enumerate(delays)]
    )


def final_frames(columns: int, frames: int, delays: Sequence[int]) -> int:
    """Return how many frames of a window are there in all codebooks once so many columns are decided."""
    return min(max(columns - 1 - max(delays), 0), frames)
