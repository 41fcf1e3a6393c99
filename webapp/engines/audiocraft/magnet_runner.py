"""MAGNeT: all frames at once, codebook by codebook, the least certain spans again and again.

After "Masked Audio Generation using a Single Non-Autoregressive Transformer" (Ziv et al., 2024), in the
arrangement that AudioCraft calls "nonoverlap": a window is cut into spans. One that is no whole number of
them is made longer (500 frames become 501), where AudioCraft makes it shorter: a sound of a window's length
is then one window, not two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.transformer import Text, Transformer, seen_of_texts
from webapp.engines.audiocraft.devices import on_device
from webapp.engines.audiocraft.sampling import BatchSampler
from webapp.engines.audiocraft.sequence import Job
from webapp.engines.audiocraft.windows import Window

OTHER_CODEBOOK_STEPS: Final = 10
FINAL_GUIDANCE: Final = 1.0
COLDEST: Final = 1e-2
# Below any score: a span that is settled.
SETTLED: Final = -1e4


def decoding_steps(codebooks: int, first: int) -> tuple[int, ...]:
    """Passes through the model for each codebook of a window, `first` of them for the first."""
    return (first,) + (OTHER_CODEBOOK_STEPS,) * (codebooks - 1)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of a codebook: the share of spans that is open, and how warm it is, 1 to 0."""

    codebook: int
    is_first: bool
    open_share: float
    warmth: float


def _passes(codebook: int, steps: int) -> list[Pass]:
    """The cosine schedule of a codebook, cooling linearly."""
    shares = torch.cos(torch.linspace(0, 1, steps) * math.pi * 0.5).tolist()
    return [Pass(codebook, step == 0, share, (steps - 1 - step) / steps) for step, share in enumerate(shares)]


def _all_passes(codebooks: int, first: int) -> list[Pass]:
    return [
        current
        for codebook, steps in enumerate(decoding_steps(codebooks, first))
        for current in _passes(codebook, steps)
    ]


@dataclass(frozen=True, slots=True)
class Segment:
    """Windows of `window_frames`, in spans of `span_frames`.

    Codebooks after the first look `context_frames` to either side only; below 0 they look everywhere. The
    first takes `first_passes`. `usual_temperature` is what tells sure tokens from others without chance.
    """

    window_frames: int
    span_frames: int
    context_frames: int
    first_passes: int = 20
    usual_temperature: float = 3.0


def context_mask(
    frames: int, reach: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """Build the additive mask that limits attention to `reach` frames on either side.

    Its shape is (1, 1, frames, frames). Of one that says yes or no a GPU makes such numbers in each layer.
    """
    position = torch.arange(frames, device=device)
    is_hidden = (position[:, None] - position[None, :]).abs() > reach
    mask = torch.zeros(is_hidden.shape, dtype=dtype, device=device)
    return mask.masked_fill_(is_hidden, -torch.inf)[None, None]


class MagnetDecoding:
    """A :class:`webapp.engines.audiocraft.sequence.Decoding`: one pass at a time, each job at its own.

    Each window is decoded whole, which is what the model was made for, and cut.
    """

    def __init__(
        self, transformer: Transformer, segment: Segment, capacity: int, *, looks_always: bool | None = None
    ) -> None:
        """Broken numbers are looked for in every pass, or once for each window; None: as suits the device."""
        self._transformer = transformer
        self._segment = segment
        self._capacity = capacity
        self._device = transformer.weights.device
        self._looks_always = self._device.type == "cpu" if looks_always is None else looks_always
        self._passes = _all_passes(transformer.weights.codebooks, segment.first_passes)
        limited = segment.context_frames >= 0
        self._mask = (
            context_mask(segment.window_frames, segment.context_frames, transformer.dtype, self._device)
            if limited
            else None
        )
        self._windows: list[_Window] = []
        self._texts: dict[Job, tuple[Text, Text]] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def steps(self, window: Window) -> int:
        return len(self._passes)

    def join(self, job: Job) -> None:
        project = self._transformer.text_keys_values
        texts = project(job.prompt.text), project(job.prompt.absent)
        window = job.paused if isinstance(job.paused, _Window) else self._beginning(job)
        self._texts[job] = texts
        self._windows.append(window)

    def leave(self, job: Job) -> None:
        window = next(window for window in self._windows if window.job is job)
        self._windows.remove(window)
        del self._texts[job]
        job.paused = None if job.is_decoded else window

    def advance(self) -> Sequence[Job]:
        # What comes after the last pass may have run out of memory; it is made up for before the next.
        if not any(window.is_done for window in self._windows):
            logits = self._logits()
            for window, (text, absent) in zip(self._windows, logits, strict=True):
                window.settle(text, absent)
        sick = []
        for window in tuple(self._windows):
            if (window.is_done or self._looks_always) and bool(window.sick):
                self._windows[self._windows.index(window)] = window.again()
                sick.append(window.job)
            elif window.is_done:
                self._publish(window)
        return sick

    def _publish(self, window: "_Window") -> None:
        job, bounds = window.job, window.job.current
        job.take(window.tokens[:, bounds.prompt : bounds.length], bounds.end)
        following = job.go_on(lambda: self._beginning(job))
        if following is not None:
            self._windows[self._windows.index(window)] = following

    def _beginning(self, job: Job) -> "_Window":
        uniform = on_device(job.numbers(len(self._passes), self._segment.window_frames), self._device)
        return _Window(job, uniform, self._passes, self._segment, self._transformer.weights.card)

    def _logits(self) -> Tensor:
        """Compute every job's logits, with its text and without: (jobs, 2, frames, card), float32."""
        transformer, frames = self._transformer, self._segment.window_frames
        tokens = torch.stack([window.opened() for window in self._windows]).transpose(1, 2)
        columns = tokens.repeat_interleave(2, dim=0).flatten(0, 1)
        positions = torch.arange(frames, device=self._device).repeat(2 * len(self._windows))
        masks = [self._mask if window.codebook else None for window in self._windows]
        texts = [text for window in self._windows for text in self._texts[window.job]]
        attention = _WindowAttention(frames, masks, texts)
        hidden = transformer.run(transformer.embed(columns, positions), attention)
        by_row = hidden.view(len(self._windows), 2 * frames, -1)
        heads = [
            transformer.logits_of(window.codebook, rows)
            for rows, window in zip(by_row, self._windows, strict=True)
        ]
        return torch.stack(heads).view(len(heads), 2, frames, -1)


class _WindowAttention:
    """Attention over whole windows: every frame sees every other, or those that a mask lets it see."""

    def __init__(self, frames: int, masks: Sequence[Tensor | None], texts: Sequence[Text]) -> None:
        """`masks` has one for each job, `texts` two: the text and its absence."""
        self._frames, self._masks, self._texts = frames, masks, texts
        self._heads = texts[0][0].shape[1]

    def among_columns(self, layer: int, qkv: Tensor) -> Tensor:
        parts = qkv.view(-1, self._frames, 3, self._heads, qkv.shape[-1] // (3 * self._heads))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind()
        seen = torch.empty_like(queries)
        for job, mask in enumerate(self._masks):
            both = slice(2 * job, 2 * job + 2)
            seen[both] = functional.scaled_dot_product_attention(
                queries[both], keys[both], values[both], attn_mask=mask
            )
        return seen.transpose(1, 2).flatten(2).flatten(0, 1)

    def to_text(self, layer: int, queries: Tensor) -> Tensor:
        return seen_of_texts(queries, self._texts, layer)


class _Window:
    """One window of a job: its tokens so far, and the pass that comes next."""

    def __init__(
        self, job: Job, uniform: Tensor, passes: Sequence[Pass], segment: Segment, card: int
    ) -> None:
        """`uniform` (passes, frames) are the numbers to draw with."""
        self.job = job
        given = job.given()
        self.tokens = torch.full((len(given), uniform.shape[1]), card, device=uniform.device)
        self.tokens[:, : given.shape[-1]] = given
        self.sick = torch.zeros((), dtype=torch.bool, device=uniform.device)
        self._begun = (uniform, passes, segment, card)
        self._given = given.shape[-1]
        self._number = 0
        self._spans = _Spans(self.tokens[0], self._given, segment.span_frames)
        self._open = self._spans.open_least_certain(0)
        self._sampler = BatchSampler([job.settings], card, uniform.device)

    @property
    def is_done(self) -> bool:
        return self._number == len(self._begun[1])

    @property
    def _pass(self) -> Pass:
        return self._begun[1][self._number]

    @property
    def codebook(self) -> int:
        return self._pass.codebook

    def again(self) -> "_Window":
        """The window from its beginning, with the same numbers."""
        self.job.steps_done -= self._number
        return _Window(self.job, *self._begun)

    def opened(self) -> Tensor:
        """Tokens (codebooks, frames) with those open that this pass decodes (again)."""
        if self._pass.is_first:
            self._spans = _Spans(self.tokens[self.codebook], self._given, self._begun[2].span_frames)
        self._open = self._spans.open_least_certain(self._pass.open_share)
        self.tokens[self.codebook] = self._spans.tokens.masked_fill(self._open, self._begun[3])
        return self.tokens

    def settle(self, text: Tensor, absent: Tensor) -> None:
        """Decode what is open from logits (frames, card) with the text and without."""
        current, settings = self._pass, self.job.settings
        share = current.open_share
        guided = absent + (text - absent) * (share * settings.guidance + (1 - share) * FINAL_GUIDANCE)
        self.sick |= ~torch.isfinite(guided).all()
        # Without chance, how sure a token is still has to be told apart: at temperature 0 all are.
        usual = self._begun[2].usual_temperature
        temperature = max((usual if settings.is_greedy else settings.temperature) * current.warmth, COLDEST)
        drawn = self._sampler.tokens(guided[None], self._begun[0][None, self._number], temperature)[0]
        certainty = torch.softmax(guided / temperature, dim=-1).gather(-1, drawn[:, None])[:, 0]
        self._spans.settle(drawn, self._open, certainty)
        self.tokens[self.codebook] = self._spans.tokens
        self._number += 1
        self.job.steps_done += 1


class _Spans:
    """One codebook of a window in spans: its tokens so far, and how uncertain each span is."""

    def __init__(self, tokens: Tensor, given: int, span_frames: int) -> None:
        self.tokens = tokens.clone()
        self._span_frames = span_frames
        self._given = given
        self._settled = given // span_frames
        count = len(tokens) // span_frames
        self._count = count - self._settled
        self._scores = torch.zeros(count, device=tokens.device)
        self._scores[: self._settled].fill_(SETTLED)

    def open_least_certain(self, share: float) -> Tensor:
        """Which frames to decode (again): True in the least certain spans."""
        count = max(int(share * self._count), 1)
        order = self._scores.sort(descending=True, stable=True).indices
        chosen = torch.zeros_like(self._scores, dtype=torch.bool).scatter_(0, order[:count], value=True)
        is_open = chosen.repeat_interleave(self._span_frames)
        is_open[: self._given].fill_(False)
        return is_open

    def settle(self, drawn: Tensor, is_open: Tensor, certainty: Tensor) -> None:
        """Put drawn tokens into open frames; what stays uncertain may be opened again."""
        self.tokens = torch.where(is_open, drawn, self.tokens)
        by_span = (-1, self._span_frames)
        uncertain = 1 - certainty.reshape(by_span).amax(dim=-1)
        self._scores = uncertain.masked_fill(~is_open.reshape(by_span).any(dim=-1), SETTLED)
