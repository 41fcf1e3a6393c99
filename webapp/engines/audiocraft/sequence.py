"""The token sequence of one task: its prompt, its sampling settings, and how far it is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from webapp.engines.audiocraft.conditioning import PromptEncoding
from webapp.engines.audiocraft.sampling import TokenSampling, UniformSource
from webapp.engines.audiocraft.windows import Window
from webapp.engines.base import GenerationTask

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class TokenSequence:
    """The sequence of codec tokens that is decoded for a task.

    The first `final_frames` of `tokens` (codebooks, frames) are decoded and will not change. `window` counts
    the finished windows. `steps_done` grows to `steps`. A runner resumes from `saved_state`.
    `window_uniforms` are the random numbers of a window, with the window's index.
    """

    task: GenerationTask
    prompt: PromptEncoding
    settings: TokenSampling
    random: UniformSource
    windows: tuple[Window, ...]
    tokens: Tensor
    steps: int
    steps_done: int = 0
    window: int = 0
    final_frames: int = 0
    saved_state: object | None = None
    window_uniforms: tuple[int, Tensor] | None = None

    @property
    def frames(self) -> int:
        return self.tokens.shape[-1]

    @property
    def is_decoded(self) -> bool:
        return self.window == len(self.windows)

    @property
    def current(self) -> Window:
        return self.windows[self.window]

    def uniforms(self, *shape: int) -> Tensor:
        """Return the random numbers of the current window; the same ones however often it is restarted."""
        if self.window_uniforms is None or self.window_uniforms[0] != self.window:
            self.window_uniforms = self.window, self.random.draw(*shape)
        return self.window_uniforms[1]

    def finish_window(self, start_next: Callable[[], T]) -> T | None:
        """Count the current window as finished and start the next, if there is one.

        If `start_next` fails, the window is not counted.
        """
        self.window += 1
        try:
            return None if self.is_decoded else start_next()
        except BaseException:
            self.window -= 1
            raise

    def prompt_tokens(self) -> Tensor:
        """Return the tokens that the current window starts with: (codebooks, prompt frames)."""
        window = self.current
        return self.tokens[:, window.start : window.start + window.prompt]

    def commit(self, frames: Tensor, end: int) -> None:
        """Store frames up to `end` as final; committing the same frames again is harmless."""
        self.tokens[:, self.final_frames : end] = frames[:, frames.shape[1] - (end - self.final_frames) :]
        self.final_frames = end


def empty_tokens(codebooks: int, frames: int, device: torch.device) -> Tensor:
    """Allocate the tokens of a sequence."""
    return torch.zeros(codebooks, frames, dtype=torch.int64, device=device)
