"""Runs MAGNeT: all frames at once, codebook by codebook; the least confident spans are decoded again.

After "Masked Audio Generation using a Single Non-Autoregressive Transformer" (Ziv et al., 2024), in the
arrangement that AudioCraft calls "nonoverlap": a window is cut into spans. A window that is not a whole
number of spans is made longer (500 frames become 501), where AudioCraft makes it shorter: a sound as long as
a window is then one window, not two.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.transformer import Text, Transformer, attend_to_texts
from webapp.engines.audiocraft.devices import on_device
from webapp.engines.audiocraft.magnet_schedule import Pass, Segment, all_passes
from webapp.engines.audiocraft.sampling import BatchSampler
from webapp.engines.audiocraft.sequence import TokenSequence
from webapp.engines.audiocraft.windows import Window

FINAL_GUIDANCE: Final = 1.0
MIN_TEMPERATURE: Final = 1e-2
# Below any score: a span that is not masked again.
NEVER_MASKED: Final = -1e4


def context_mask(
    frames: int, context: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """Build the additive mask that limits attention to `context` frames on either side.

    Its shape is (1, 1, frames, frames). On a GPU a boolean mask would be converted to such a mask in each
    layer.
    """
    position = torch.arange(frames, device=device)
    is_hidden = (position[:, None] - position[None, :]).abs() > context
    mask = torch.zeros(is_hidden.shape, dtype=dtype, device=device)
    return mask.masked_fill_(is_hidden, -torch.inf)[None, None]


class MagnetRunner:
    """A :class:`webapp.engines.audiocraft.model_runner.ModelRunner`: a step is one pass of each sequence.

    Each window is decoded at full length, for which the model was trained, and cut.
    """

    def __init__(
        self,
        transformer: Transformer,
        segment: Segment,
        capacity: int,
        *,
        checks_every_pass: bool | None = None,
    ) -> None:
        """Check that logits are finite in every pass or once per window; None chooses by the device."""
        self._transformer = transformer
        self._segment = segment
        self._capacity = capacity
        self._device = transformer.weights.device
        self._checks_every_pass = (
            self._device.type == "cpu" if checks_every_pass is None else checks_every_pass
        )
        self._passes = all_passes(transformer.weights.codebooks, segment.first_passes)
        limited = segment.context_frames >= 0
        self._mask = (
            context_mask(segment.window_frames, segment.context_frames, transformer.dtype, self._device)
            if limited
            else None
        )
        self._windows: list[_Window] = []
        self._texts: dict[TokenSequence, tuple[Text, Text]] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def window_steps(self, window: Window) -> int:
        return len(self._passes)

    def add(self, sequence: TokenSequence) -> None:
        project = self._transformer.text_keys_values
        texts = project(sequence.prompt.text), project(sequence.prompt.unconditional)
        saved = sequence.saved_state
        window = saved if isinstance(saved, _Window) else self._start_window(sequence)
        self._texts[sequence] = texts
        self._windows.append(window)

    def remove(self, sequence: TokenSequence) -> None:
        window = next(window for window in self._windows if window.sequence is sequence)
        self._windows.remove(window)
        del self._texts[sequence]
        sequence.saved_state = None if sequence.is_decoded else window

    def step(self) -> Sequence[TokenSequence]:
        # A commit may have run out of memory after the last pass; it is made up for before the next pass.
        if not any(window.is_done for window in self._windows):
            logits = self._logits()
            for window, (text, unconditional) in zip(self._windows, logits, strict=True):
                window.sample(text, unconditional)
        broken = []
        for window in tuple(self._windows):
            if (window.is_done or self._checks_every_pass) and bool(window.not_finite):
                self._windows[self._windows.index(window)] = window.restarted()
                broken.append(window.sequence)
            elif window.is_done:
                self._commit(window)
        return broken

    def _commit(self, window: "_Window") -> None:
        sequence, bounds = window.sequence, window.sequence.current
        sequence.commit(window.tokens[:, bounds.prompt : bounds.length], bounds.end)
        following = sequence.finish_window(lambda: self._start_window(sequence))
        if following is not None:
            self._windows[self._windows.index(window)] = following

    def _start_window(self, sequence: TokenSequence) -> "_Window":
        uniform = on_device(sequence.uniforms(len(self._passes), self._segment.window_frames), self._device)
        return _Window(sequence, uniform, self._passes, self._segment, self._transformer.weights.card)

    def _logits(self) -> Tensor:
        """Compute the logits of the batch with text and without: (sequences, 2, frames, card), float32."""
        transformer, frames = self._transformer, self._segment.window_frames
        tokens = torch.stack([window.masked_tokens() for window in self._windows]).transpose(1, 2)
        columns = tokens.repeat_interleave(2, dim=0).flatten(0, 1)
        positions = torch.arange(frames, device=self._device).repeat(2 * len(self._windows))
        masks = [self._mask if window.codebook else None for window in self._windows]
        texts = [text for window in self._windows for text in self._texts[window.sequence]]
        attention = _WindowAttention(frames, masks, texts)
        hidden = transformer.run(transformer.embed(columns, positions), attention)
        by_sequence = hidden.view(len(self._windows), 2 * frames, -1)
        heads = [
            transformer.logits_of(window.codebook, rows)
            for rows, window in zip(by_sequence, self._windows, strict=True)
        ]
        return torch.stack(heads).view(len(heads), 2, frames, -1)


class _WindowAttention:
    """Attention over whole windows: every frame attends to every other, or to those that a mask allows."""

    def __init__(self, frames: int, masks: Sequence[Tensor | None], texts: Sequence[Text]) -> None:
        """`masks` has one entry for each sequence, `texts` two: with the text and without."""
        self._frames, self._masks, self._texts = frames, masks, texts
        self._heads = texts[0][0].shape[1]

    def self_attention(self, layer: int, qkv: Tensor) -> Tensor:
        parts = qkv.view(-1, self._frames, 3, self._heads, qkv.shape[-1] // (3 * self._heads))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind()
        attended = torch.empty_like(queries)
        for index, mask in enumerate(self._masks):
            both = slice(2 * index, 2 * index + 2)
            attended[both] = functional.scaled_dot_product_attention(
                queries[both], keys[both], values[both], attn_mask=mask
            )
        return attended.transpose(1, 2).flatten(2).flatten(0, 1)

    def cross_attention(self, layer: int, queries: Tensor) -> Tensor:
        return attend_to_texts(queries, self._texts, layer)


class _Window:
    """One window of a sequence: its tokens so far, and its next pass."""

    def __init__(
        self,
        sequence: TokenSequence,
        uniform: Tensor,
        passes: Sequence[Pass],
        segment: Segment,
        card: int,
    ) -> None:
        """`uniform` (passes, frames) are the random numbers of the window."""
        self.sequence = sequence
        prompt = sequence.prompt_tokens()
        self.tokens = torch.full((len(prompt), uniform.shape[1]), card, device=uniform.device)
        self.tokens[:, : prompt.shape[-1]] = prompt
        self.not_finite = torch.zeros((), dtype=torch.bool, device=uniform.device)
        self._arguments = (uniform, passes, segment, card)
        self._prompt_frames = prompt.shape[-1]
        self._number = 0
        self._spans = _Spans(self.tokens[0], self._prompt_frames, segment.span_frames)
        self._is_masked = self._spans.mask_least_confident(0)
        self._sampler = BatchSampler([sequence.settings], card, uniform.device)

    @property
    def is_done(self) -> bool:
        return self._number == len(self._arguments[1])

    @property
    def _pass(self) -> Pass:
        return self._arguments[1][self._number]

    @property
    def codebook(self) -> int:
        return self._pass.codebook

    def restarted(self) -> "_Window":
        """Return the window at its start, with the same random numbers."""
        self.sequence.steps_done -= self._number
        return _Window(self.sequence, *self._arguments)

    def masked_tokens(self) -> Tensor:
        """Return the tokens (codebooks, frames), masked where this pass decodes them."""
        if self._pass.is_first:
            span_frames = self._arguments[2].span_frames
            self._spans = _Spans(self.tokens[self.codebook], self._prompt_frames, span_frames)
        self._is_masked = self._spans.mask_least_confident(self._pass.masked_share)
        self.tokens[self.codebook] = self._spans.tokens.masked_fill(self._is_masked, self._arguments[3])
        return self.tokens

    def sample(self, text: Tensor, unconditional: Tensor) -> None:
        """Sample the masked tokens from logits (frames, card) with the text and without."""
        current, settings = self._pass, self.sequence.settings
        share = current.masked_share
        guidance = share * settings.guidance + (1 - share) * FINAL_GUIDANCE
        guided = unconditional + (text - unconditional) * guidance
        self.not_finite |= ~torch.isfinite(guided).all()
        # Greedy sampling needs a temperature for the confidence too: at 0 every token would be certain.
        base = self._arguments[2].usual_temperature if settings.is_greedy else settings.temperature
        temperature = max(base * current.temperature_factor, MIN_TEMPERATURE)
        sampled = self._sampler.tokens(guided[None], self._arguments[0][None, self._number], temperature)[0]
        confidence = torch.softmax(guided / temperature, dim=-1).gather(-1, sampled[:, None])[:, 0]
        self._spans.fill(sampled, self._is_masked, confidence)
        self.tokens[self.codebook] = self._spans.tokens
        self._number += 1
        self.sequence.steps_done += 1


class _Spans:
    """One codebook of a window in spans: its tokens so far, and how uncertain each span is."""

    def __init__(self, tokens: Tensor, prompt_frames: int, span_frames: int) -> None:
        self.tokens = tokens.clone()
        self._span_frames = span_frames
        self._prompt_frames = prompt_frames
        prompt_spans = prompt_frames // span_frames
        count = len(tokens) // span_frames
        self._count = count - prompt_spans
        self._scores = torch.zeros(count, device=tokens.device)
        self._scores[:prompt_spans].fill_(NEVER_MASKED)

    def mask_least_confident(self, share: float) -> Tensor:
        """Return which frames to decode: True in the least confident spans."""
        count = max(int(share * self._count), 1)
        order = self._scores.sort(descending=True, stable=True).indices
        chosen = torch.zeros_like(self._scores, dtype=torch.bool).scatter_(0, order[:count], value=True)
        is_masked = chosen.repeat_interleave(self._span_frames)
        is_masked[: self._prompt_frames].fill_(False)
        return is_masked

    def fill(self, sampled: Tensor, is_masked: Tensor, confidence: Tensor) -> None:
        """Put sampled tokens into masked frames; spans that stay uncertain may be masked again."""
        self.tokens = torch.where(is_masked, sampled, self.tokens)
        by_span = (-1, self._span_frames)
        uncertain = 1 - confidence.reshape(by_span).amax(dim=-1)
        self._scores = uncertain.masked_fill(~is_masked.reshape(by_span).any(dim=-1), NEVER_MASKED)
