"""The decoder for GPUs: a step is one captured graph, with nothing in it that depends on the host.

Rows lie without gaps in *slots*: when one is released, the last one moves into its place. A graph is
recorded for so many slots and so many columns of the past, both rounded up, the first time that it is
needed. Slots that have no part in a step are computed all the same; what they write is written over before
it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.capture import Capture, Recorded, Recorder
from webapp.engines.audiocraft.decoder.linears import plain
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import on_device

SPAN: Final = 256
"""Columns of the past are rounded up to a multiple of this."""
ROW_COUNTS: Final = (2, 4, 6, 8, 12, 16, 24, 32)
"""Rows are rounded up to one of these, or to all there are."""
USUAL_ROWS: Final = (2, 4, 8)
"""Rows for which graphs are recorded beforehand, whatever their past."""
FEWEST_WORDS: Final = 64


@dataclass(frozen=True, slots=True)
class _Call:
    """Slots of a step, as the device needs them: their numbers, and 1 for each slot that takes part."""

    slots: tuple[int, ...]
    index: Tensor
    advance: Tensor


class GraphBackend:
    """A backend whose steps are captured graphs."""

    def __init__(
        self,
        weights: DecoderWeights,
        rows: int,
        steps: int,
        *,
        dtype: torch.dtype,
        capture: Capture,
    ) -> None:
        self._inner = PlainBackend(weights, rows, steps, dtype=dtype, make_linear=plain)
        self._weights, self._device, self._record = weights, weights.device, Recorder(capture)
        # What a mask hides is multiplied by zero, and must be a number for that.
        self._inner.keys.zero_()
        self._inner.values.zero_()
        self._slot_of: dict[int, int] = {}
        self._tokens = torch.zeros(rows, weights.codebooks, dtype=torch.int64, device=self._device)
        self._positions = torch.zeros(rows, dtype=torch.int64, device=self._device)
        self._texts = self._text_buffers(FEWEST_WORDS)
        self._graphs: dict[tuple[int, int], Recorded] = {}
        self._calls: dict[tuple[int, ...], _Call] = {}

    @property
    def rows(self) -> int:
        return self._inner.rows

    @property
    def steps(self) -> int:
        return self._inner.steps

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def recorded(self) -> tuple[tuple[int, int], ...]:
        """The slots and columns that graphs were recorded for."""
        return tuple(self._graphs)

    @property
    def text_bytes(self) -> int:
        """Memory of the places for texts."""
        return self._texts.keys.nbytes + self._texts.values.nbytes

    @torch.inference_mode()
    def record_usual(self) -> None:
        """Record what is usually needed now, when nobody waits for it. Raises torch's out of memory."""
        spans = {min(columns, self.steps) for columns in range(SPAN, self.steps + SPAN, SPAN)}
        for slots in USUAL_ROWS:
            for columns in sorted(spans):
                if slots <= self.rows:
                    self._graph(slots, columns)

    @torch.inference_mode()
    def begin(self, row: int, text: Tensor) -> None:
        keys, values = self._inner.transformer.text_keys_values(text)
        self._make_room_for(keys.shape[2])
        # All memory is there: from here on nothing fails.
        slot = self._slot_of.setdefault(row, len(self._slot_of))
        self._inner.place(slot, (keys, values))
        self._forget(slot)
        self._texts.put(slot, keys, values)

    @torch.inference_mode()
    def rewind(self, row: int) -> None:
        slot = self._slot_of[row]
        self._inner.rewind(slot)
        self._forget(slot)

    @torch.inference_mode()
    def release(self, row: int) -> None:
        slot = self._slot_of.pop(row, None)
        if slot is None:
            return
        self._inner.release(slot)
        last = len(self._slot_of)
        if slot != last:
            moved = next(row for row, place in self._slot_of.items() if place == last)
            self._inner.move(last, slot)
            self._positions[slot] = self._positions[last]
            self._texts.move(last, slot)
            self._slot_of[moved] = slot
        self._calls.clear()
        if not self._slot_of:
            self._give_back_room()

    @torch.inference_mode()
    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        call = self._call(rows)
        moved = call.advance * tokens.shape[-1]
        self._inner.prefill(call.slots, tokens)
        self._positions += moved

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        call = self._call(rows)
        self._tokens.index_copy_(0, call.index, tokens)
        span = max(self._inner.positions[slot] for slot in self._slot_of.values()) + 1
        graph = self._graph(self._rounded_rows(), min(-(-span // SPAN) * SPAN, self.steps))
        # Taken before anything moves, since memory may run out.
        logits = graph.output.new_empty(len(call.slots), *graph.output.shape[1:])
        graph.replay()
        self._positions += call.advance
        for slot in call.slots:
            self._inner.positions[slot] += 1
        return torch.index_select(graph.output, 0, call.index, out=logits)

    def _graph(self, slots: int, columns: int) -> Recorded:
        key = slots, columns
        if key not in self._graphs:
            self._graphs[key] = self._record(lambda: self._compute(slots, columns))
        return self._graphs[key]

    def _compute(self, slots: int, columns: int) -> Tensor:
        """The next logits of the first slots: tensors in fixed places only, and repeatable."""
        transformer = self._inner.transformer
        # A slot that is full or idle writes where nobody reads.
        positions = self._positions[:slots].clamp(max=columns - 1)
        attention = _SlotsAttention(self._inner, self._texts, positions, columns)
        hidden = transformer.embed(self._tokens[:slots], positions)
        return transformer.logits(transformer.run(hidden, attention))

    def _forget(self, slot: int) -> None:
        self._positions[slot].fill_(0)
        for cache in (self._inner.keys, self._inner.values):
            cache[:, slot].zero_()

    def _rounded_rows(self) -> int:
        wanted = len(self._slot_of)
        return next((slots for slots in ROW_COUNTS if wanted <= slots <= self.rows), self.rows)

    def _call(self, rows: Sequence[int]) -> _Call:
        slots = tuple(self._slot_of[row] for row in rows)
        if slots not in self._calls:
            index = on_device(slots, self._device)
            advance = torch.zeros(self.rows, dtype=torch.int64, device=self._device)
            self._calls[slots] = _Call(slots, index, advance.index_fill_(0, index, 1))
        return self._calls[slots]

    def _make_room_for(self, words: int) -> None:
        """Take larger places for texts; what was recorded knows only the old ones."""
        if words <= self._texts.words:
            return
        larger = self._text_buffers(1 << (words - 1).bit_length())
        larger.take_over(self._texts)
        self._texts = larger
        self._graphs.clear()

    def _give_back_room(self) -> None:
        """Let go of places for long texts that nobody uses."""
        if self._texts.words > FEWEST_WORDS:
            self._graphs.clear()
            del self._texts
            self._texts = self._text_buffers(FEWEST_WORDS)

    def _text_buffers(self, words: int) -> "_Texts":
        layers, rows, heads, _steps, head_dim = self._inner.keys.shape
        shape = (layers, rows, heads, words, head_dim)
        return _Texts(torch.Size(shape), self._inner.keys.dtype, self._device)


class _Texts:
    """Keys and values of each slot's text, in places of equal size."""

    def __init__(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> None:
        """`shape` is (layers, slots, heads, words, head_dim)."""
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        # What is added to scores: nothing for a word, and what hides where there is none.
        self.mask = torch.full((shape[1], 1, 1, shape[3]), -torch.inf, dtype=dtype, device=device)
        # A slot without a text sees something, so that nothing is divided by zero.
        self.mask[..., 0].fill_(0)

    @property
    def words(self) -> int:
        return self.keys.shape[3]

    def put(self, slot: int, keys: Tensor, values: Tensor) -> None:
        """Place a text (layers, heads, words, head_dim)."""
        words = keys.shape[2]
        for place, new in ((self.keys, keys), (self.values, values)):
            place[:, slot].zero_()
            place[:, slot, :, :words] = new
        self.mask[slot].fill_(-torch.inf)
        self.mask[slot, ..., :words].fill_(0)

    def move(self, slot: int, target: int) -> None:
        for place in (self.keys, self.values):
            place[:, target] = place[:, slot]
        self.mask[target] = self.mask[slot]

    def take_over(self, smaller: "_Texts") -> None:
        words = smaller.words
        self.keys[..., :words, :] = smaller.keys
        self.values[..., :words, :] = smaller.values
        self.mask[..., :words] = smaller.mask


class _SlotsAttention:
    """One column of each slot, over as many columns of the past and words for all; masks hide the rest."""

    def __init__(self, inner: PlainBackend, texts: _Texts, positions: Tensor, columns: int) -> None:
        self._inner, self._texts, self._positions, self._columns = inner, texts, positions, columns
        self._slots = torch.arange(len(positions), device=positions.device)
        is_past = torch.arange(columns, device=positions.device) <= positions[:, None]
        hidden = torch.full(is_past.shape, -torch.inf, dtype=inner.keys.dtype, device=positions.device)
        self._mask = hidden.masked_fill_(is_past, 0)[:, None, None]
        self._heads, self._head_dim = inner.keys.shape[2], inner.keys.shape[4]

    def among_columns(self, layer: int, qkv: Tensor) -> Tensor:
        count = len(self._slots)
        queries, keys, values = qkv.view(count, 3, self._heads, self._head_dim).unbind(1)
        seen = functional.scaled_dot_product_attention(
            queries[:, :, None],
            self._remembered(self._inner.keys[layer, :count], keys),
            self._remembered(self._inner.values[layer, :count], values),
            attn_mask=self._mask,
        )
        return seen.flatten(1)

    def _remembered(self, cache: Tensor, new: Tensor) -> Tensor:
        """Keep what is new (slots, heads, head_dim) at each slot's position; returns the past."""
        cache[self._slots, :, self._positions] = new
        return cache[:, :, : self._columns]

    def to_text(self, layer: int, queries: Tensor) -> Tensor:
        count, texts = len(self._slots), self._texts
        seen = functional.scaled_dot_product_attention(
            queries.view(count, self._heads, 1, self._head_dim),
            texts.keys[layer, :count],
            texts.values[layer, :count],
            attn_mask=texts.mask[:count],
        )
        return seen.flatten(1)
