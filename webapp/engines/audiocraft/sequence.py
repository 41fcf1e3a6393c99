"""One task on its way through a model: what is decided about it, and how far it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from webapp.engines.audiocraft.conditioning import PromptEncoding
from webapp.engines.audiocraft.sampling import Chance, TokenSampling
from webapp.engines.audiocraft.windows import Window
from webapp.engines.base import GenerationTask

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """A task being decoded.

    Of `tokens` (codebooks, frames) the first `final_frames` are there and will not change. `window` counts
    the windows that are done. `steps_done` grows to `steps`. `paused` is what a decoding left to go on from,
    `drawn` the numbers of a window, by which one it is.
    """

    task: GenerationTask
    prompt: PromptEncoding
    settings: TokenSampling
    chance: Chance
    windows: tuple[Window, ...]
    tokens: Tensor
    steps: int
    steps_done: int = 0
    window: int = 0
    final_frames: int = 0
    paused: object | None = None
    drawn: tuple[int, Tensor] | None = None

    @property
    def frames(self) -> int:
        return self.tokens.shape[-1]

    @property
    def is_decoded(self) -> bool:
        return self.window == len(self.windows)

    @property
    def current(self) -> Window:
        return self.windows[self.window]

    def numbers(self, *shape: int) -> Tensor:
        """The numbers that the current window draws with; the same however often it has to begin."""
        if self.drawn is None or self.drawn[0] != self.window:
            self.drawn = self.window, self.chance.draw(*shape)
        return self.drawn[1]

    def go_on(self, begin: Callable[[], T]) -> T | None:
        """Count the current window as done, and begin the next if there is one; neither if that fails."""
        self.window += 1
        try:
            return None if self.is_decoded else begin()
        except BaseException:
            self.window -= 1
            raise

    def given(self) -> Tensor:
        """The frames that the current window begins with: (codebooks, its prompt's length)."""
        window = self.current
        return self.tokens[:, window.start : window.start + window.prompt]

    def take(self, frames: Tensor, end: int) -> None:
        """Note frames that are final from now on, up to `end`; may be told again."""
        self.tokens[:, self.final_frames : end] = frames[:, frames.shape[1] - (end - self.final_frames) :]
        self.final_frames = end


class Decoding(Protocol):
    """Jobs of one model, decoded side by side. One thread uses it, in torch's inference mode."""

    @property
    def capacity(self) -> int:
        """Return how many jobs there is room for."""
        ...

    def steps(self, window: Window) -> int:
        """Steps that a window takes."""
        ...

    def join(self, job: Job) -> None:
        """Take in a job at the beginning of a window, or where it was when it left.

        Raises torch's out of memory or MemoryError, and then has not taken it in.
        """
        ...

    def leave(self, job: Job) -> None:
        """Take out a job; nothing of it stays but what :meth:`join` needs to go on."""
        ...

    def advance(self) -> Sequence[Job]:
        """Go one step further with every job.

        A job that is decoded has to be taken out before the next step. Returns jobs that had numbers that
        are not finite; they went back to where they had none. Raises torch's out of memory or MemoryError:
        nobody is further then, and the step may be tried again with fewer.
        """
        ...


def empty_tokens(codebooks: int, frames: int, device: torch.device) -> Tensor:
    """Tokens of a job that has none yet."""
    return torch.zeros(codebooks, frames, dtype=torch.int64, device=device)
