"""The GPU backend: each step is one captured CUDA graph, in which nothing depends on the host.

The caller's rows are packed without gaps into *graph rows*: when one is released, the last one moves into its
place. A graph is captured for a number of graph rows and of cached columns, both rounded up, when it is first
needed. Graph rows that do not take part in a step are computed all the same; what they write is overwritten
before it is read.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.capture import Capture, Recorded, Recorder, relative_error
from webapp.engines.audiocraft.decoder.full_step import (
    BatchTensors,
    SequenceRows,
    StepPlan,
    fused_step,
    replay_s,
    sample_next,
)
from webapp.engines.audiocraft.decoder.graph_attention import GraphAttention, TextCache
from webapp.engines.audiocraft.decoder.key_value_cache import KVCache
from webapp.engines.audiocraft.decoder.linears import plain
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import on_device

logger = logging.getLogger(__name__)

Compute: TypeAlias = Callable[[Tensor, int, int], Tensor]
"""Computes the logits of tokens (graph rows, codebooks) for a number of graph rows and of cached columns."""

COLUMN_STEP: Final = 256
"""Cached columns are rounded up to a multiple of this."""
ROW_COUNTS: Final = (2, 4, 6, 8, 12, 16, 24, 32)
"""Graph rows are rounded up to one of these, or to all there are."""
COMMON_ROW_COUNTS: Final = (2, 4, 8)
"""Row counts for which graphs are captured when a model is loaded, for every number of columns."""
MIN_WORDS: Final = 64
MAX_FUSED_ERROR: Final = 0.02
"""Greatest distance of fused kernels' logits from those of torch's operators: the cost of half precision."""


@dataclass(frozen=True, slots=True)
class _Call:
    """The graph rows of a call, on the device: their numbers, and 1 for each row that takes part."""

    rows: tuple[int, ...]
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
        measure_s: Callable[[Recorded], float] = replay_s,
    ) -> None:
        """`is_fused` decides whether fused kernels are tried; None tries them where they are fast.

        `measure_s` measures how long a replay takes.
        """
        self._inner = PlainBackend(weights, rows, steps, dtype=dtype, make_linear=plain)
        self._weights, self._device, self._record = weights, weights.device, Recorder(capture)
        # Masked entries are multiplied by zero, and have to be finite for that.
        self._inner.keys.zero_()
        self._inner.values.zero_()
        self._graph_row_of: dict[int, int] = {}
        self._tokens = torch.zeros(rows, weights.codebooks, dtype=torch.int64, device=self._device)
        self._positions = torch.zeros(rows, dtype=torch.int64, device=self._device)
        self._texts = self._new_text_cache(MIN_WORDS)
        self._graphs: dict[tuple[bool, int, int], Recorded] = {}
        self._fused = fused_step(self._inner.transformer, is_fused)
        self._measure_s = measure_s
        self._batch: BatchTensors | None = None
        self._plan = StepPlan(rows, self._device)
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
        """The graph rows and columns for which graphs were captured."""
        return tuple((rows, columns) for _is_full, rows, columns in self._graphs)

    @property
    def text_bytes(self) -> int:
        """Memory of the text cache."""
        return self._texts.keys.nbytes + self._texts.values.nbytes

    @torch.inference_mode()
    def capture_common(self) -> None:
        """Capture the usual graphs now, while nobody waits for them. Raises torch's out of memory."""
        counts = {
            min(columns, self.steps) for columns in range(COLUMN_STEP, self.steps + COLUMN_STEP, COLUMN_STEP)
        }
        for rows in COMMON_ROW_COUNTS:
            for columns in sorted(counts):
                if rows <= self.rows:
                    self._graph(rows, columns, is_full=self._batch is not None)

    @torch.inference_mode()
    def begin(self, row: int, text: Tensor) -> None:
        keys, values = self._inner.transformer.text_keys_values(text)
        self._grow_text_cache(keys.shape[2])
        # All memory is allocated: from here on nothing fails.
        graph_row = self._graph_row_of.setdefault(row, len(self._graph_row_of))
        self._inner.begin_projected(graph_row, (keys, values))
        self._clear(graph_row)
        self._texts.put(graph_row, keys, values)

    @torch.inference_mode()
    def rewind(self, row: int) -> None:
        graph_row = self._graph_row_of[row]
        self._inner.rewind(graph_row)
        self._clear(graph_row)

    @torch.inference_mode()
    def release(self, row: int) -> None:
        graph_row = self._graph_row_of.pop(row, None)
        if graph_row is None:
            return
        self._inner.release(graph_row)
        last = len(self._graph_row_of)
        if graph_row != last:
            moved = next(row for row, at in self._graph_row_of.items() if at == last)
            self._inner.move(last, graph_row)
            self._positions[graph_row] = self._positions[last]
            self._texts.move(last, graph_row)
            self._graph_row_of[moved] = graph_row
        self._calls.clear()
        self._plan.invalidate()
        if not self._graph_row_of:
            self._shrink_text_cache()

    @torch.inference_mode()
    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        call = self._call(rows)
        advance = call.advance * tokens.shape[-1]
        self._inner.prefill(call.rows, tokens)
        self._positions += advance

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        call = self._call(rows)
        self._tokens.index_copy_(0, call.index, tokens)
        graph = self._graph(self._rounded_rows(), self._rounded_columns(), is_full=False)
        # Allocated before anything advances, since memory may run out.
        logits = graph.output.new_empty(len(call.rows), *graph.output.shape[1:])
        graph.replay()
        self._positions += call.advance
        for row in call.rows:
            self._inner.positions[row] += 1
        return torch.index_select(graph.output, 0, call.index, out=logits)

    def bind(self, batch: BatchTensors) -> None:
        """Let full steps work on a batch state. Called once, before anything is captured."""
        self._batch = batch
        self._plan.use_padding_slot(len(batch.steps) - 1)

    @torch.inference_mode()
    def full_step(self, sequences: Sequence[SequenceRows]) -> None:
        """Run one step for sequences, from their last tokens in the batch state to the next ones.

        All launches are in the graph. Raises torch's out of memory, before anything is changed.
        """
        graph = self._graph(self._rounded_rows(), self._rounded_columns(), is_full=True)
        packed = [
            (slot, self._graph_row_of[text], self._graph_row_of[null]) for slot, text, null in sequences
        ]
        self._plan.write(packed)
        graph.replay()
        for _slot, *rows in packed:
            for row in rows:
                self._inner.positions[row] += 1

    def _graph(self, rows: int, columns: int, *, is_full: bool) -> Recorded:
        """Return the graph for a number of rows and columns: of a full step, or of the logits alone."""
        key = is_full, rows, columns
        if key not in self._graphs:
            with self._plan.idle():
                self._graphs[key] = self._fastest(rows, columns, is_full=is_full)
        return self._graphs[key]

    def _fastest(self, rows: int, columns: int, *, is_full: bool) -> Recorded:
        """Capture the faster of torch's operators and fused kernels, if the latter prove correct."""
        run = self._run_full if is_full else self._run_model
        usual = self._record(lambda: run(rows, columns, self._torch_logits))
        if self._fused is None:
            return usual
        fused = self._record(lambda: run(rows, columns, self._fused_logits))
        usual.replay()
        fused.replay()
        error = relative_error(fused.output, usual.output)
        if error > MAX_FUSED_ERROR:
            logger.warning("fused kernels are not used: their logits are off by %.2g", error)
            self._fused = None
            return usual
        return min(usual, fused, key=self._measure_s)

    def _run_full(self, rows: int, columns: int, compute: Compute) -> Tensor:
        batch, plan = self._batch, self._plan.view(rows)
        if batch is None:
            raise ValueError("full steps need a batch state")
        last = batch.tokens[plan.slots, batch.steps[plan.slots] - 1]
        logits = compute(last[plan.sequence_of_row], rows, columns)
        sample_next(batch, logits, plan)
        self._positions[:rows] += plan.advance
        return logits

    def _run_model(self, rows: int, columns: int, compute: Compute) -> Tensor:
        return compute(self._tokens[:rows], rows, columns)

    def _torch_logits(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        """Compute the next logits of the first graph rows, repeatably and in tensors at fixed addresses."""
        transformer = self._inner.transformer
        # A row that is full or idle writes where nothing is read.
        positions = self._positions[:rows].clamp(max=columns - 1)
        attention = GraphAttention(self._inner, self._texts, positions, columns)
        hidden = transformer.embed(tokens, positions)
        return transformer.logits(transformer.run(hidden, attention))

    def _fused_logits(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        if self._fused is None:
            raise ValueError("there are no fused kernels")
        positions = self._positions[:rows].clamp(max=columns - 1)
        texts = self._texts
        cache = KVCache(self._inner.keys, self._inner.values, texts.keys, texts.values, texts.count)
        return self._fused.logits(tokens, positions, cache)

    def _clear(self, graph_row: int) -> None:
        self._positions[graph_row].fill_(0)
        for cache in (self._inner.keys, self._inner.values):
            cache[:, graph_row].zero_()

    def _rounded_columns(self) -> int:
        longest = max(self._inner.positions[row] for row in self._graph_row_of.values()) + 1
        return min(-(-longest // COLUMN_STEP) * COLUMN_STEP, self.steps)

    def _rounded_rows(self) -> int:
        needed = len(self._graph_row_of)
        return next((count for count in ROW_COUNTS if needed <= count <= self.rows), self.rows)

    def _call(self, rows: Sequence[int]) -> _Call:
        graph_rows = tuple(self._graph_row_of[row] for row in rows)
        if graph_rows not in self._calls:
            index = on_device(graph_rows, self._device)
            advance = torch.zeros(self.rows, dtype=torch.int64, device=self._device)
            self._calls[graph_rows] = _Call(graph_rows, index, advance.index_fill_(0, index, 1))
        return self._calls[graph_rows]

    def _grow_text_cache(self, words: int) -> None:
        """Enlarge the text cache for a long text; captured graphs refer to the old one and are dropped."""
        if words <= self._texts.words:
            return
        larger = self._new_text_cache(1 << (words - 1).bit_length())
        larger.copy_from(self._texts)
        self._texts = larger
        self._drop_graphs()

    def _shrink_text_cache(self) -> None:
        """Release the memory for long texts once no row uses it."""
        if self._texts.words > MIN_WORDS:
            self._drop_graphs()
            del self._texts
            self._texts = self._new_text_cache(MIN_WORDS)

    def _drop_graphs(self) -> None:
        self._graphs.clear()
        self._record.clear()

    def _new_text_cache(self, words: int) -> TextCache:
        layers, rows, heads, _steps, head_dim = self._inner.keys.shape
        shape = (layers, rows, heads, words, head_dim)
        return TextCache(torch.Size(shape), self._inner.keys.dtype, self._device)
