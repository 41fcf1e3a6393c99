"""Runs a batch of requests through an engine: for the command line, measurements and tests."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    DeviceLost,
    EngineError,
    EngineOutOfMemory,
    GenerationFailed,
    GenerationRequest,
    GenerationTask,
    ProgressCallback,
    RequestNotSupported,
    TaskSource,
)


class BatchTask:
    """A task that keeps its outcome."""

    def __init__(
        self, index: int, request: GenerationRequest, progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        self.request = request
        self.cancel = cancel
        self.chunks: list[Waveform] = []
        self._index = index
        self._progress = progress
        self._outcome: Waveform | EngineError = GenerationFailed("the engine never ended the task")

    def progressed(self, share: float) -> None:
        self._progress(self._index, share)

    def streamed(self, chunk: Waveform) -> None:
        self.chunks.append(chunk)

    def finished(self, waveform: Waveform) -> None:
        self._outcome = waveform

    def failed(self, error: EngineError) -> None:
        self._outcome = error

    def result(self) -> Waveform:
        """Return the sound. Raises the EngineError with which the task ended."""
        if isinstance(self._outcome, EngineError):
            raise self._outcome
        return self._outcome


class ListedTasks:
    """A source of the tasks of a list, in order."""

    def __init__(self, tasks: Sequence[GenerationTask]) -> None:
        self._waiting = deque(tasks)

    def take(self, limit: int) -> Sequence[GenerationTask]:
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]


class Serves(Protocol):
    """An engine, or a wrapper of one."""

    def serve(self, model: str, source: TaskSource) -> None: ...


def generate_all(
    engine: Serves, requests: Sequence[GenerationRequest], progress: ProgressCallback, cancel: CancelToken
) -> list[Waveform]:
    """Render requests, all of one model, in order. Raises the first EngineError of any of them."""
    if not requests:
        return []
    if len({request.model for request in requests}) > 1:
        raise RequestNotSupported("a batch is of one model")
    tasks = [BatchTask(index, request, progress, cancel) for index, request in enumerate(requests)]
    engine.serve(requests[0].model, ListedTasks(tasks))
    return [task.result() for task in tasks]


def run_task(task: GenerationTask, render: Callable[[GenerationTask], Waveform]) -> None:
    """End a task with the result or error of `render`: for engines that make one sound at a time."""
    try:
        waveform = _rendered(task, render)
    except DeviceLost:
        raise
    except EngineError as error:
        task.failed(error)
    else:
        task.finished(waveform)


def _rendered(task: GenerationTask, render: Callable[[GenerationTask], Waveform]) -> Waveform:
    try:
        return render(task)
    except EngineError:
        raise
    except MemoryError as error:
        raise EngineOutOfMemory from error
    except Exception as error:
        raise GenerationFailed(f"{type(error).__name__}: {error}") from error
