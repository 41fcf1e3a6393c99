"""The inputs of a full step: one graph that runs the model on a batch and samples the next tokens.

With sampling inside the graph, the host launches nothing but the graph.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.capture import Recorded
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.devices import on_device

if TYPE_CHECKING:
    from webapp.engines.audiocraft.decoder.fused.step import FusedStep

TIMED_REPLAYS: Final = 10
ROWS_PER_SEQUENCE: Final = 2

SequenceRows: TypeAlias = tuple[int, int, int]
"""A sequence's batch slot, its row with the text, and its row without."""


@dataclass(frozen=True, slots=True)
class BatchTensors:
    """The tensors of a batch state, at fixed addresses. The last slot is padding.

    `settings` (slots, 4) are temperature, top_k, top_p and guidance.
    """

    tokens: Tensor
    uniform: Tensor
    steps: Tensor
    not_finite: Tensor
    settings: Tensor


@runtime_checkable
class FullStepBackend(Protocol):
    """A backend that can run the model and sample in one graph."""

    def bind(self, batch: BatchTensors) -> None: ...

    def full_step(self, sequences: Sequence[SequenceRows]) -> None: ...


@dataclass(frozen=True, slots=True)
class StepPlanView:
    """A plan as a graph of some rows reads it: `slots`, `pairs` and `moves` by sequence, the rest by row."""

    slots: Tensor
    pairs: Tensor
    moves: Tensor
    sequence_of_row: Tensor
    advance: Tensor


class StepPlan:
    """Which sequences take part in the next steps: one tensor that graphs read, written when that changes."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self._rows, self._sequences, self._device = rows, max(1, rows // ROWS_PER_SEQUENCE), device
        self._tensor = torch.zeros(4 * self._sequences + 2 * rows, dtype=torch.int64, device=device)
        self._written: tuple[SequenceRows, ...] | None = None
        self._padding_slot = -1

    def view(self, rows: int) -> StepPlanView:
        """Return the input of a graph of the first rows."""
        count = max(1, rows // ROWS_PER_SEQUENCE)
        by_sequence = self._tensor[: 4 * self._sequences].view(4, -1)
        by_row = self._tensor[4 * self._sequences :].view(2, -1)
        return StepPlanView(
            by_sequence[0, :count],
            by_sequence[1:3, :count],
            by_sequence[3, :count],
            by_row[0, :rows],
            by_row[1, :rows],
        )

    def use_padding_slot(self, slot: int) -> None:
        """Set the batch slot that idle entries of the plan refer to."""
        self._padding_slot = slot
        self.write(())

    def write(self, sequences: Sequence[SequenceRows]) -> None:
        """Let these sequences take part, and no others; their rows are those of the graph."""
        if self._written == tuple(sequences):
            return
        idle = self._sequences - len(sequences)
        slots = [slot for slot, _text, _null in sequences] + [self._padding_slot] * idle
        texts = [text for _slot, text, _null in sequences] + [0] * idle
        nulls = [null for _slot, _text, null in sequences] + [0] * idle
        sequence_of_row, advance = [0] * self._rows, [0] * self._rows
        for number, (_slot, *rows) in enumerate(sequences):
            for row in rows:
                sequence_of_row[row], advance[row] = number, 1
        moves = [1] * len(sequences) + [0] * idle
        self._tensor.copy_(
            on_device([*slots, *texts, *nulls, *moves, *sequence_of_row, *advance], self._device)
        )
        self._written = tuple(sequences)

    def invalidate(self) -> None:
        """Write the next plan in any case, since rows have moved."""
        self._written = None

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let no sequence take part inside, so that a step may be repeated."""
        self.write(())
        yield
        self.invalidate()


def fused_step(transformer: Transformer, is_wanted: bool | None) -> "FusedStep | None":
    """Return a step of fused kernels for a supported model, or None. `is_wanted` None means: on CUDA only."""
    if is_wanted is None:
        is_wanted = transformer.weights.device.type == "cuda"
    if not is_wanted:
        return None
    from webapp.engines.audiocraft.decoder.fused import operators, step  # noqa: PLC0415 - not needed on a CPU

    is_fast = operators.HAS_TRITON or transformer.weights.device.type == "cpu"
    return step.FusedStep(transformer) if is_fast and step.can_be_fused(transformer.weights) else None


def sample_next(batch: BatchTensors, logits: Tensor, plan: StepPlanView) -> None:
    """Sample the next column of the sequences that take part, and advance their steps."""
    from webapp.engines.audiocraft.decoder.fused import operators  # noqa: PLC0415 - not needed on a CPU

    operators.draw(
        logits,
        plan.pairs,
        plan.slots,
        batch.steps,
        batch.settings,
        batch.uniform,
        batch.tokens,
        batch.not_finite,
    )
    batch.steps.index_add_(0, plan.slots, plan.moves)


def replay_s(recorded: Recorded) -> float:
    """Measure how long a replay takes, in seconds."""
    torch.cuda.synchronize(recorded.output.device)
    before = time.perf_counter()
    for _ in range(TIMED_REPLAYS):
        recorded.replay()
    torch.cuda.synchronize(recorded.output.device)
    return (time.perf_counter() - before) / TIMED_REPLAYS
