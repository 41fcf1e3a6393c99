"""The decoder for GPUs: a step is one captured graph, with nothing in it that depends on the host.

Rows lie without gaps in *slots*: when one is released, the last one moves into its place. A graph is
recorded for so many slots and so many columns of the past, both rounded up, the first time that it is
needed. Slots that have no part in a step are computed all the same; what they write is written over before
it is read.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.capture import Capture, Recorded, Recorder, relative_error
from webapp.engines.audiocraft.decoder.full_step import (
    BoardTensors,
    PlacedJob,
    Plan,
    draw_next,
    fused_step,
    replay_s,
)
from webapp.engines.audiocraft.decoder.graph_attention import SlotsAttention, Texts
from webapp.engines.audiocraft.decoder.kv_cache import Pasts
from webapp.engines.audiocraft.decoder.linears import plain
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import on_device

logger = logging.getLogger(__name__)

Compute: TypeAlias = Callable[[Tensor, int, int], Tensor]
"""Logits of tokens (slots, codebooks), for so many slots and columns of the past."""

SPAN: Final = 256
"""Columns of the past are rounded up to a multiple of this."""
ROW_COUNTS: Final = (2, 4, 6, 8, 12, 16, 24, 32)
"""Rows are rounded up to one of these, or to all there are."""
USUAL_ROWS: Final = (2, 4, 8)
"""Rows for which graphs are recorded beforehand, whatever their past."""
FEWEST_WORDS: Final = 64
LARGEST_FUSED_ERROR: Final = 0.02
"""How far fused kernels' logits may be from those of torch's operators: what half precision may cost."""


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
        is_fused: bool | None = None,
        pace: Callable[[Recorded], float] = replay_s,
    ) -> None:
        """`is_fused` is whether fused kernels are tried; None for where they are quick.

        `pace` tells how long a replay takes.
        """
        self._inner = PlainBackend(weights, rows, steps, dtype=dtype, make_linear=plain)
        self._weights, self._device, self._record = weights, weights.device, Recorder(capture)
        # What a mask hides is multiplied by zero, and must be a number for that.
        self._inner.keys.zero_()
        self._inner.values.zero_()
        self._slot_of: dict[int, int] = {}
        self._tokens = torch.zeros(rows, weights.codebooks, dtype=torch.int64, device=self._device)
        self._positions = torch.zeros(rows, dtype=torch.int64, device=self._device)
        self._texts = self._text_buffers(FEWEST_WORDS)
        self._graphs: dict[tuple[bool, int, int], Recorded] = {}
        self._fused = fused_step(self._inner.transformer, is_fused)
        self._pace = pace
        self._board: BoardTensors | None = None
        self._plan = Plan(rows, self._device)
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
        return tuple((slots, columns) for _is_whole, slots, columns in self._graphs)

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
                    self._graph(slots, columns, is_whole=self._board is not None)

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
        self._plan.forget()
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
        graph = self._graph(self._rounded_rows(), self._rounded_columns(), is_whole=False)
        # Taken before anything moves, since memory may run out.
        logits = graph.output.new_empty(len(call.slots), *graph.output.shape[1:])
        graph.replay()
        self._positions += call.advance
        for slot in call.slots:
            self._inner.positions[slot] += 1
        return torch.index_select(graph.output, 0, call.index, out=logits)

    def bind(self, board: BoardTensors) -> None:
        """Let whole steps work on a board. Once, before anything is recorded."""
        self._board = board
        self._plan.has_places(len(board.steps) - 1)

    @torch.inference_mode()
    def step_whole(self, jobs: Sequence[PlacedJob]) -> None:
        """Take one step with jobs, from their last tokens on the board to the next ones.

        All launches are in the graph. Raises torch's out of memory, before anything is changed.
        """
        graph = self._graph(self._rounded_rows(), self._rounded_columns(), is_whole=True)
        slots = [(place, self._slot_of[text], self._slot_of[absent]) for place, text, absent in jobs]
        self._plan.write(slots)
        graph.replay()
        for _place, *both in slots:
            for slot in both:
                self._inner.positions[slot] += 1

    def _graph(self, slots: int, columns: int, *, is_whole: bool) -> Recorded:
        """Return the graph recorded for so many slots and columns: of a whole step, or of logits alone."""
        key = is_whole, slots, columns
        if key not in self._graphs:
            with self._plan.nobody():
                self._graphs[key] = self._quickest(slots, columns, is_whole=is_whole)
        return self._graphs[key]

    def _quickest(self, slots: int, columns: int, *, is_whole: bool) -> Recorded:
        """Record what is quicker, torch's operators or fused kernels that prove right against them."""
        run = self._whole if is_whole else self._logits
        usual = self._record(lambda: run(slots, columns, self._by_torch))
        if self._fused is None:
            return usual
        fused = self._record(lambda: run(slots, columns, self._by_fused))
        usual.replay()
        fused.replay()
        error = relative_error(fused.output, usual.output)
        if error > LARGEST_FUSED_ERROR:
            logger.warning("fused kernels are not used: their logits are off by %.2g", error)
            self._fused = None
            return usual
        return min(usual, fused, key=self._pace)

    def _whole(self, slots: int, columns: int, compute: Compute) -> Tensor:
        board, plan = self._board, self._plan.part(slots)
        if board is None:
            raise ValueError("whole steps need a board")
        last = board.tokens[plan.places, board.steps[plan.places] - 1]
        logits = compute(last[plan.job_of_row], slots, columns)
        draw_next(board, logits, plan)
        self._positions[:slots] += plan.advance
        return logits

    def _logits(self, slots: int, columns: int, compute: Compute) -> Tensor:
        return compute(self._tokens[:slots], slots, columns)

    def _by_torch(self, tokens: Tensor, slots: int, columns: int) -> Tensor:
        """The next logits of the first slots: tensors in fixed places only, and repeatable."""
        transformer = self._inner.transformer
        # A slot that is full or idle writes where nobody reads.
        positions = self._positions[:slots].clamp(max=columns - 1)
        attention = SlotsAttention(self._inner, self._texts, positions, columns)
        hidden = transformer.embed(tokens, positions)
        return transformer.logits(transformer.run(hidden, attention))

    def _by_fused(self, tokens: Tensor, slots: int, columns: int) -> Tensor:
        if self._fused is None:
            raise ValueError("there are no fused kernels")
        positions = self._positions[:slots].clamp(max=columns - 1)
        texts = self._texts
        pasts = Pasts(self._inner.keys, self._inner.values, texts.keys, texts.values, texts.count)
        return self._fused.logits(tokens, positions, pasts)

    def _forget(self, slot: int) -> None:
        self._positions[slot].fill_(0)
        for cache in (self._inner.keys, self._inner.values):
            cache[:, slot].zero_()

    def _rounded_columns(self) -> int:
        span = max(self._inner.positions[slot] for slot in self._slot_of.values()) + 1
        return min(-(-span // SPAN) * SPAN, self.steps)

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
        self._forget_graphs()

    def _give_back_room(self) -> None:
        """Let go of places for long texts that nobody uses."""
        if self._texts.words > FEWEST_WORDS:
            self._forget_graphs()
            del self._texts
            self._texts = self._text_buffers(FEWEST_WORDS)

    def _forget_graphs(self) -> None:
        self._graphs.clear()
        self._record.forget()

    def _text_buffers(self, words: int) -> Texts:
        layers, rows, heads, _steps, head_dim = self._inner.keys.shape
        shape = (layers, rows, heads, words, head_dim)
        return Texts(torch.Size(shape), self._inner.keys.dtype, self._device)
