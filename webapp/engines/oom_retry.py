"""Retries a task once when memory ran out and other models could be evicted."""

from collections import deque
from collections.abc import Callable, Sequence

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    EngineError,
    EngineOutOfMemory,
    GenerationRequest,
    GenerationTask,
    TaskSource,
)


class OutOfMemoryRetries:
    """A task source that retries a task that ran out of memory, if `free_memory` frees some."""

    def __init__(self, source: TaskSource, free_memory: Callable[[], bool]) -> None:
        self._source = source
        self._free_memory = free_memory
        self._retries: deque[GenerationTask] = deque()

    def take(self, limit: int) -> Sequence[GenerationTask]:
        retried = [self._retries.popleft() for _ in range(min(limit, len(self._retries)))]
        new = self._source.take(limit - len(retried)) if len(retried) < limit else ()
        return [*retried, *(_FirstAttempt(task, self) for task in new)]

    def out_of_memory(self, task: GenerationTask, error: EngineError, streamed: int) -> None:
        """Queue the task again if memory could be freed, else fail it; `streamed` frames were handed over."""
        if self._free_memory():
            self._retries.append(_SecondAttempt(task, streamed))
        else:
            task.failed(error)


class _FirstAttempt:
    """Forwards everything to a task except its first lack of memory."""

    def __init__(self, task: GenerationTask, retries: OutOfMemoryRetries) -> None:
        self._task = task
        self._retries = retries
        self._frames = 0

    @property
    def request(self) -> GenerationRequest:
        return self._task.request

    @property
    def cancel(self) -> CancelToken:
        return self._task.cancel

    def progressed(self, share: float) -> None:
        self._task.progressed(share)

    def streamed(self, chunk: Waveform) -> None:
        self._frames += chunk.frames
        self._task.streamed(chunk)

    def finished(self, waveform: Waveform) -> None:
        self._task.finished(waveform)

    def failed(self, error: EngineError) -> None:
        if isinstance(error, EngineOutOfMemory):
            self._retries.out_of_memory(self._task, error, self._frames)
        else:
            self._task.failed(error)


class _SecondAttempt:
    """Forwards everything to a task but the chunks that it got from the first attempt."""

    def __init__(self, task: GenerationTask, streamed: int) -> None:
        self._task = task
        self._left = streamed

    @property
    def request(self) -> GenerationRequest:
        return self._task.request

    @property
    def cancel(self) -> CancelToken:
        return self._task.cancel

    def progressed(self, share: float) -> None:
        self._task.progressed(share)

    def streamed(self, chunk: Waveform) -> None:
        skipped = min(self._left, chunk.frames)
        self._left -= skipped
        if skipped < chunk.frames:
            self._task.streamed(chunk.with_samples(chunk.samples[:, skipped:]))

    def finished(self, waveform: Waveform) -> None:
        self._task.finished(waveform)

    def failed(self, error: EngineError) -> None:
        self._task.failed(error)
