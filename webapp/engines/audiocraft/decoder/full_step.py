"""The buffers of a whole step's graph: the board, and a plan of who takes part.

A step whose tokens are drawn in the graph as well leaves nothing for the host to launch but the graph.
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

PACED_REPLAYS: Final = 10
ROWS_PER_JOB: Final = 2

PlacedJob: TypeAlias = tuple[int, int, int]
"""A job's place on the board, and its rows with the text and with its absence."""


@dataclass(frozen=True, slots=True)
class BoardTensors:
    """A board's tensors, which stay where they are. The last place is for what is nobody's.

    `settings` (places, 4) are temperature, top_k, top_p and guidance.
    """

    tokens: Tensor
    uniform: Tensor
    steps: Tensor
    sick: Tensor
    settings: Tensor


@runtime_checkable
class StepsWhole(Protocol):
    """A backend that takes whole steps on a board."""

    def bind(self, board: BoardTensors) -> None: ...

    def step_whole(self, jobs: Sequence[PlacedJob]) -> None: ...


@dataclass(frozen=True, slots=True)
class PlanPart:
    """Views of a plan for a graph of some slots: jobs in order, and rows by slot."""

    places: Tensor
    pairs: Tensor
    moves: Tensor
    job_of_row: Tensor
    advance: Tensor


class Plan:
    """Who takes part in the next steps, in one tensor that graphs read; written only when that changes."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self._rows, self._jobs, self._device = rows, max(1, rows // ROWS_PER_JOB), device
        self._tensor = torch.zeros(4 * self._jobs + 2 * rows, dtype=torch.int64, device=device)
        self._written: tuple[PlacedJob, ...] | None = None
        self._nobody = -1

    def part(self, slots: int) -> PlanPart:
        """Return the input of a graph of the first slots."""
        jobs, of_job = max(1, slots // ROWS_PER_JOB), self._tensor[: 4 * self._jobs].view(4, -1)
        of_row = self._tensor[4 * self._jobs :].view(2, -1)
        return PlanPart(
            of_job[0, :jobs], of_job[1:3, :jobs], of_job[3, :jobs], of_row[0, :slots], of_row[1, :slots]
        )

    def has_places(self, nobody: int) -> None:
        """Say which place of the board is nobody's."""
        self._nobody = nobody
        self.write(())

    def write(self, jobs: Sequence[PlacedJob]) -> None:
        """Let jobs, by their place and the slots of their rows, take part, and nobody else."""
        if self._written == tuple(jobs):
            return
        idle = self._jobs - len(jobs)
        places = [place for place, _text, _absent in jobs] + [self._nobody] * idle
        texts = [text for _place, text, _absent in jobs] + [0] * idle
        absents = [absent for _place, _text, absent in jobs] + [0] * idle
        job_of, advance = [0] * self._rows, [0] * self._rows
        for number, (_place, *both) in enumerate(jobs):
            for slot in both:
                job_of[slot], advance[slot] = number, 1
        moves = [1] * len(jobs) + [0] * idle
        self._tensor.copy_(on_device([*places, *texts, *absents, *moves, *job_of, *advance], self._device))
        self._written = tuple(jobs)

    def forget(self) -> None:
        """Write the next plan in any case, since rows have moved."""
        self._written = None

    @contextmanager
    def nobody(self) -> Iterator[None]:
        """Let nobody take part inside, so that a step may be repeated."""
        self.write(())
        yield
        self.forget()


def fused_step(transformer: Transformer, is_wanted: bool | None) -> "FusedStep | None":
    """A step of fused kernels for a model of a usual shape, if wanted; None wants it where it is quick."""
    if is_wanted is None:
        is_wanted = transformer.weights.device.type == "cuda"
    if not is_wanted:
        return None
    from webapp.engines.audiocraft.decoder.fused import operators, step  # noqa: PLC0415 - not needed on a CPU

    is_quick = operators.HAS_TRITON or transformer.weights.device.type == "cpu"
    return step.FusedStep(transformer) if is_quick and step.can_be_fused(transformer.weights) else None


def draw_next(board: BoardTensors, logits: Tensor, plan: PlanPart) -> None:
    """Decide the next column of the jobs that take part, and go on to the one after it."""
    from webapp.engines.audiocraft.decoder.fused import operators  # noqa: PLC0415 - not needed on a CPU

    operators.draw(
        logits, plan.pairs, plan.places, board.steps, board.settings, board.uniform, board.tokens, board.sick
    )
    board.steps.index_add_(0, plan.places, plan.moves)


def replay_s(recorded: Recorded) -> float:
    """Return how long a replay takes, in seconds."""
    torch.cuda.synchronize(recorded.output.device)
    before = time.perf_counter()
    for _ in range(PACED_REPLAYS):
        recorded.replay()
    torch.cuda.synchronize(recorded.output.device)
    return (time.perf_counter() - before) / PACED_REPLAYS
