"""When memory runs out for a task, others may make room, and it is tried once more."""

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


class SecondChances:
    """Tasks that may run out of memory once, if `make_room` then finds some."""

    def __init__(self, source: TaskSource, make_room: Callable[[], bool]) -> None:
        self._source = source
        self._make_room = make_room
        self._again: deque[GenerationTask] = deque()

    def take(self, room: int) -> Sequence[GenerationTask]:
        again = [self._again.popleft() for _ in range(min(room, len(self._again)))]
        further = self._source.take(room - len(again)) if len(again) < room else ()
        return [*again, *(_FirstTry(task, self) for task in further)]

    def out_of_memory(self, task: GenerationTask, error: EngineError) -> None:
        """Put the task in line again if there is hope."""
        if self._make_room():
            self._again.append(task)
        else:
            task.failed(error)


class _FirstTry:
    """A task that is told of everything but its first lack of memory."""

    def __init__(self, task: GenerationTask, chances: SecondChances) -> None:
        self._task = task
        self._chances = chances

    @property
    def request(self) -> GenerationRequest:
        return self._task.request

    @property
    def cancel(self) -> CancelToken:
        return self._task.cancel

    def progressed(self, share: float) -> None:
        self._task.progressed(share)

    def sounded(self, piece: Waveform) -> None:
        self._task.sounded(piece)

    def finished(self, waveform: Waveform) -> None:
        self._task.finished(waveform)

    def failed(self, error: EngineError) -> None:
        if isinstance(error, EngineOutOfMemory):
            self._chances.out_of_memory(self._task, error)
        else:
            self._task.failed(error)
