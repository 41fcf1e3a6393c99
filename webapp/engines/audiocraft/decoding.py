"""MusicGen and AudioGen: one frame after the other, codebooks delayed against each other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.batch import AfterStep, WindowBatch
from webapp.engines.audiocraft.conditioning import BatchConditions
from webapp.engines.audiocraft.health import Health
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.audiocraft.sampling import BatchSampler, TokenSampling
from webapp.engines.audiocraft.windows import Window

UNKNOWN: Final = -1


class Stepper(Protocol):
    """A language model at work on one window of a batch; it remembers what it was given."""

    def next_logits(self, tokens: Tensor) -> Tensor:
        """Guided logits (jobs, codebooks, card) of the step after `tokens` (jobs, codebooks, steps)."""
        ...


StepperFactory: TypeAlias = Callable[
    [LoadedModel, BatchConditions, Sequence[TokenSampling]], AbstractContextManager[Stepper]
]
"""Makes a stepper for one window of a batch."""


class AudioCraftStepper:
    """AudioCraft's own transformer with its streaming cache; text and its absence in one pass."""

    def __init__(self, model: LoadedModel, conditions: BatchConditions, guidance: Tensor) -> None:
        self._model = model
        self._conditions = conditions
        self._guidance = guidance

    def next_logits(self, tokens: Tensor) -> Tensor:
        with self._model.autocast():
            both: Tensor = self._model.lm(
                torch.cat([tokens, tokens]), conditions=[], condition_tensors=self._conditions.tensors
            )
        text, absent = both[:, :, -1].float().chunk(2)
        return absent + (text - absent) * self._guidance


@contextmanager
def audiocraft_stepper(
    model: LoadedModel, conditions: BatchConditions, jobs: Sequence[TokenSampling]
) -> Iterator[Stepper]:
    """A stepper for one window; its cache is gone afterwards, however that ends."""
    guidance = torch.tensor([job.guidance for job in jobs], device=model.device)[:, None, None]
    model.padding.words = conditions.words
    try:
        with model.lm.streaming():
            yield AudioCraftStepper(model, conditions, guidance)
    finally:
        model.padding.words = None


class DelayedSequence:
    """A window's tokens in the order of decoding: step `1 + t + delay` holds frame `t` of a codebook.

    Steps where a codebook has no frame hold `absent`, those still to be decoded UNKNOWN. Jobs may end
    at different frames: each then sees what it would see alone.
    """

    def __init__(self, prompt: Tensor, lengths: Sequence[int], delays: Sequence[int], absent: int) -> None:
        """`prompt` has shape (jobs, codebooks, frames), maybe none of the last."""
        jobs, codebooks, self._prompt_frames = prompt.shape
        self._delays = tuple(delays)
        self._longest = max(lengths)
        self.steps = 1 + self._longest + max(delays)
        device = prompt.device
        frame = (
            torch.arange(self.steps, device=device)[None] - 1 - torch.tensor(delays, device=device)[:, None]
        )
        inside = (frame >= 0) & (frame < torch.tensor(lengths, device=device)[:, None, None])
        self._tokens = torch.full((jobs, codebooks, self.steps), absent, device=device)
        self._tokens[inside] = UNKNOWN
        for codebook, delay in enumerate(delays):
            until = 1 + delay + self._prompt_frames
            self._tokens[:, codebook, 1 + delay : until] = prompt[:, codebook]

    @property
    def first_step(self) -> int:
        """The first step with something to decode."""
        return 1 + self._prompt_frames

    def between(self, start: int, end: int) -> Tensor:
        return self._tokens[..., start:end]

    def put(self, step: int, tokens: Tensor) -> None:
        """Fill in what was unknown at a step."""
        column = self._tokens[..., step]
        self._tokens[..., step] = torch.where(column == UNKNOWN, tokens, column)

    def frames(self) -> Tensor:
        """Tokens by frame, (jobs, codebooks, longest); of shorter jobs only their own frames count."""
        rows = [
            self._tokens[:, codebook, 1 + delay : 1 + delay + self._longest]
            for codebook, delay in enumerate(self._delays)
        ]
        return torch.stack(rows, dim=1)


class DelayedDecoder:
    """Decodes windows step by step."""

    def __init__(self, model: LoadedModel, make_stepper: StepperFactory = audiocraft_stepper) -> None:
        self._model = model
        self._make_stepper = make_stepper

    def steps(self, window: Window) -> int:
        return window.new + max(self._model.delays)

    def decode(self, batch: WindowBatch, after_step: AfterStep) -> Tensor:
        model = self._model
        lengths = [window.length for window in batch.windows]
        sequence = DelayedSequence(batch.prompt, lengths, model.delays, model.card)
        sampler = BatchSampler(batch.settings, model.card, model.device)
        uniform = self._draw(batch)
        health = Health(model.device)
        known, first = 0, sequence.first_step
        with self._make_stepper(model, batch.conditions, batch.settings) as stepper:
            for step in range(first, sequence.steps):
                logits = stepper.next_logits(sequence.between(known, step))
                health.look_at(logits)
                sequence.put(step, sampler.tokens(logits, uniform[:, step - first]))
                known = step
                after_step(step - first + 1)
        health.check()
        return sequence.frames()

    def _draw(self, batch: WindowBatch) -> Tensor:
        """Numbers (jobs, steps, codebooks); each job draws for its own steps, and only for those."""
        steps = [self.steps(window) for window in batch.windows]
        drawn = torch.zeros(len(steps), max(steps), self._model.codebooks)
        for row, chance, count in zip(drawn, batch.chances, steps, strict=True):
            row[:count] = chance.draw(count, self._model.codebooks)
        return drawn.to(self._model.device)
