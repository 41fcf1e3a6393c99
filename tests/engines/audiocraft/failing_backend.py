"""A backend that fails when a test wants it to."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.backend import Backend


class FailingBackend:
    """A backend that runs out of memory, or returns NaN.

    `most_rows` is the number of rows for which a step has memory; `spoil` gets a row and its step and returns
    whether its logits become NaN.
    """

    def __init__(
        self,
        inner: Backend,
        *,
        most_rows: int = 1000,
        spoil: Callable[[int, int], bool] = lambda _row, _step: False,
    ) -> None:
        self._inner = inner
        self._spoil = spoil
        self._steps_of = [0] * inner.rows
        self.most_rows = most_rows
        self.calls: list[tuple[str, tuple[int, ...]]] = []

    @property
    def rows(self) -> int:
        return self._inner.rows

    @property
    def steps(self) -> int:
        return self._inner.steps

    @property
    def device(self) -> torch.device:
        return self._inner.device

    def begin(self, row: int, text: Tensor) -> None:
        self.calls.append(("begin", (row,)))
        self._steps_of[row] = 0
        self._inner.begin(row, text)

    def rewind(self, row: int) -> None:
        self.calls.append(("rewind", (row,)))
        self._inner.rewind(row)

    def release(self, row: int) -> None:
        self.calls.append(("release", (row,)))
        self._inner.release(row)

    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        self.calls.append(("prefill", tuple(rows)))
        self._inner.prefill(rows, tokens)

    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        if len(rows) > self.most_rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.calls.append(("step", tuple(rows)))
        logits = self._inner.step(rows, tokens).clone()
        for index, row in enumerate(rows):
            if self._spoil(row, self._steps_of[row]):
                logits[index, 1, 3] = torch.nan
            self._steps_of[row] += 1
        return logits
