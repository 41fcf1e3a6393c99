"""What decoding a window takes: the jobs that are in it, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from torch import Tensor

from webapp.engines.audiocraft.conditioning import BatchConditions
from webapp.engines.audiocraft.sampling import Chance, TokenSampling
from webapp.engines.audiocraft.windows import Window

AfterStep: TypeAlias = Callable[[int], None]
"""Told how many of a window's steps are done; stops the decoding by raising."""


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """One window of several jobs, all at its beginning.

    `prompt` has shape (jobs, codebooks, frames): the frames that are there already, maybe none.
    """

    windows: tuple[Window, ...]
    prompt: Tensor
    conditions: BatchConditions
    settings: tuple[TokenSampling, ...]
    chances: tuple[Chance, ...]


class WindowDecoder(Protocol):
    """Decodes windows with one model."""

    def steps(self, window: Window) -> int:
        """Steps that a window takes for a job."""
        ...

    def decode(self, batch: WindowBatch, after_step: AfterStep) -> Tensor:
        """Tokens (jobs, codebooks, frames) of the window, the prompt included; a job's own frames count.

        Raises NotFinite.
        """
        ...
