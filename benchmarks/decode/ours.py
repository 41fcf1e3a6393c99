"""Our engine, used as the worker uses it."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.decode.timing import FRAME_RATE_HZ, Run, Steps, timed
from webapp.audio.waveform import Waveform
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.base import CancelToken, EngineError, EngineOptions, GenerationRequest, TaskSource
from webapp.engines.batch import ListedTasks, generate_all


class _WatchedTask:
    """A task whose steps are recorded if it is watched; every task marks the steps beside its chunks."""

    def __init__(self, request: GenerationRequest, steps: Steps, *, is_watched: bool) -> None:
        self.request = request
        self.cancel = CancelToken()
        self._steps = steps
        self._is_watched = is_watched

    def progressed(self, share: float) -> None:
        if self._is_watched:
            self._steps.ended()

    def streamed(self, chunk: Waveform) -> None:
        self._steps.mark_next()

    def finished(self, waveform: Waveform) -> None:
        """Ignore the sound."""

    def failed(self, error: EngineError) -> None:
        raise error


class Ours:
    """The engine with one checkpoint, in the precision that it chooses itself."""

    name = "ours"

    def __init__(self, models_dir: Path, checkpoint: str, device: str) -> None:
        self._engine = AudioCraftEngine(EngineOptions(models_dir, {"music": checkpoint}, device=device))
        self._engine.load("music")
        self._count = 0

    def run(self, steps: int) -> Run:
        return self.run_many(1, steps)

    def run_many(self, count: int, steps: int) -> Run:
        """Run a batch of sequences; steps per second are those of the last to join."""
        recorded = Steps()
        tasks = [
            _WatchedTask(request, recorded, is_watched=number == count - 1)
            for number, request in enumerate(self._requests(count, steps / FRAME_RATE_HZ))
        ]
        return timed(recorded, lambda: self._serve(ListedTasks(tasks)))

    def whole_s(self, duration_s: float) -> float:
        """Return the seconds from a request to its finished sound."""
        began = time.perf_counter()
        generate_all(self._engine, self._requests(1, duration_s), lambda _index, _share: None, CancelToken())
        return time.perf_counter() - began

    def _serve(self, source: TaskSource) -> None:
        self._engine.serve("music", source)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def _requests(self, count: int, duration_s: float) -> Sequence[GenerationRequest]:
        self._count += count
        numbers = range(self._count, self._count + count)
        # Each has a text of its own, so that none is cached.
        return [
            GenerationRequest(f"calm rain on a tin roof at {_letters(number)}", duration_s, "music", number)
            for number in numbers
        ]


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
