"""MAGNeT: all frames at once, codebook by codebook, the least certain spans again and again.

After "Masked Audio Generation using a Single Non-Autoregressive Transformer" (Ziv et al., 2024), in the
arrangement that AudioCraft calls "nonoverlap": a window is cut into spans, and a window that is no whole
number of them loses the rest (500 frames become 498).
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.batch import AfterStep, WindowBatch
from webapp.engines.audiocraft.catalogue import Kind
from webapp.engines.audiocraft.health import Health
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.audiocraft.sampling import DEFAULTS, BatchSampler
from webapp.engines.audiocraft.windows import Window

FIRST_CODEBOOK_STEPS: Final = 20
OTHER_CODEBOOK_STEPS: Final = 10
FINAL_GUIDANCE: Final = 1.0
COLDEST: Final = 1e-2
# Below any score: a span that is settled.
SETTLED: Final = -1e4


def decoding_steps(codebooks: int) -> tuple[int, ...]:
    """Passes through the model for each codebook of a window."""
    return (FIRST_CODEBOOK_STEPS,) + (OTHER_CODEBOOK_STEPS,) * (codebooks - 1)


@dataclass(frozen=True, slots=True)
class Pass:
    """One of a codebook's passes: the share of spans that is open, and how warm it is, 1 to 0."""

    open_share: float
    warmth: float


def passes(steps: int) -> list[Pass]:
    """The cosine schedule of a codebook, cooling linearly."""
    shares = torch.cos(torch.linspace(0, 1, steps) * math.pi * 0.5).tolist()
    return [Pass(share, (steps - 1 - step) / steps) for step, share in enumerate(shares)]


class MagnetDecoder:
    """Decodes windows. Each is decoded whole, which is what the model was made for, and cut by who asked."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._passes = sum(decoding_steps(model.codebooks))

    def steps(self, window: Window) -> int:
        return self._passes

    def decode(self, batch: WindowBatch, after_step: AfterStep) -> Tensor:
        shape = (self._passes, self._model.window_frames)
        uniform = torch.stack([chance.draw(*shape) for chance in batch.chances]).to(self._model.device)
        self._model.padding.words = batch.conditions.words
        try:
            return _Decoding(self._model, batch).run(uniform, after_step)
        finally:
            self._model.padding.words = None


class _Decoding:
    """One window of a batch while it is being decoded."""

    def __init__(self, model: LoadedModel, batch: WindowBatch) -> None:
        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, device=model.device)[:, None, None]

        self._model = model
        self._batch = batch
        self._health = Health(model.device)
        self._sampler = BatchSampler(batch.settings, model.card, model.device)
        # Without chance, how sure a token is still has to be told apart: at temperature 0 all are.
        usual = DEFAULTS[Kind.MAGNET].temperature
        self._temperature = column([usual if job.is_greedy else job.temperature for job in batch.settings])
        self._guidance = column([job.guidance for job in batch.settings])

    def run(self, uniform: Tensor, after_step: AfterStep) -> Tensor:
        """Decode with numbers (jobs, passes, frames)."""
        jobs, codebooks, given = self._batch.prompt.shape
        tokens = torch.full((jobs, codebooks, uniform.shape[-1]), self._model.card, device=self._model.device)
        tokens[..., :given] = self._batch.prompt
        done = 0
        for codebook, steps in enumerate(decoding_steps(codebooks)):
            spans = _Spans(tokens[:, codebook], given, self._model.span_frames)
            for current in passes(steps):
                is_open = spans.open_least_certain(current.open_share)
                tokens[:, codebook] = spans.tokens.masked_fill(is_open, self._model.card)
                logits = self._logits(tokens, codebook, current)
                temperature = (self._temperature * current.warmth).clamp(min=COLDEST)
                drawn = self._sampler.tokens(logits, uniform[:, done], temperature)
                certainty = torch.softmax(logits / temperature, dim=-1).gather(-1, drawn[..., None])[..., 0]
                spans.settle(drawn, is_open, certainty)
                done += 1
                after_step(done)
            tokens[:, codebook] = spans.tokens
        self._health.check()
        return tokens

    def _logits(self, tokens: Tensor, codebook: int, current: Pass) -> Tensor:
        """Guided logits (jobs, frames, card) of one codebook, in float32."""
        with self._model.autocast():
            both: Tensor = self._model.lm(
                torch.cat([tokens, tokens]),
                conditions=[],
                condition_tensors=self._batch.conditions.tensors,
                stage=codebook,
            )
        self._health.look_at(both[:, codebook])
        text, absent = both[:, codebook].float().chunk(2)
        share = current.open_share
        return absent + (text - absent) * (share * self._guidance + (1 - share) * FINAL_GUIDANCE)


class _Spans:
    """One codebook of a window in spans: its tokens so far, and how uncertain each span is."""

    def __init__(self, tokens: Tensor, given: int, span_frames: int) -> None:
        self.tokens = tokens.clone()
        self._span_frames = span_frames
        self._given = given
        self._settled = given // span_frames
        count = tokens.shape[-1] // span_frames
        self._open = count - self._settled
        self._scores = torch.zeros(len(tokens), count, device=tokens.device)
        self._scores[:, : self._settled] = SETTLED

    def open_least_certain(self, share: float) -> Tensor:
        """Which frames to decode (again): True in the least certain spans."""
        count = max(int(share * self._open), 1)
        order = self._scores.sort(dim=-1, descending=True, stable=True).indices
        chosen = torch.zeros_like(self._scores, dtype=torch.bool).scatter_(-1, order[:, :count], value=True)
        is_open = chosen.repeat_interleave(self._span_frames, dim=-1)
        is_open[:, : self._given] = False
        return is_open

    def settle(self, drawn: Tensor, is_open: Tensor, certainty: Tensor) -> None:
        """Put drawn tokens into open frames; what stays uncertain may be opened again."""
        self.tokens = torch.where(is_open, drawn, self.tokens)
        by_span = (len(drawn), -1, self._span_frames)
        uncertain = 1 - certainty.reshape(by_span).amax(dim=-1)
        self._scores = uncertain.masked_fill(~is_open.reshape(by_span).any(dim=-1), SETTLED)
