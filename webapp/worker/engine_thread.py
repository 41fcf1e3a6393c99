"""The one thread that may touch models: tasks go in, sounds come out as futures."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    DeviceLost,
    EngineError,
    GenerationFailed,
    GenerationRequest,
    GenerationTask,
    TaskSource,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

Serve = Callable[[str, TaskSource], None]
"""Generates the tasks of a model that a source gives; see `webapp.engines.base.Engine.serve`."""


class EngineThread:
    """Serves requests of one model after the other, in the order in which they come.

    Requests of the model in hand join it between two steps, as long as the next in line is one of them.
    When the device is lost, `lost` is called on the engine's thread and nothing more is begun or ended: the
    process has to end.
    """

    def __init__(self, serve: Serve) -> None:
        self.lost: Callable[[], object] = lambda: None
        self._serve = serve
        self._turn = threading.Condition()
        self._waiting: deque[_Task] = deque()
        self._calls: deque[_Call[Any]] = deque()
        self._is_closed = False
        # A daemon: native code that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    async def generate(
        self,
        request: GenerationRequest,
        progress: Callable[[float], None],
        cancel: CancelToken,
        heard: Callable[[Waveform], None] = lambda _chunk: None,
    ) -> Waveform:
        """The sound of a request; `progress` is told shares of the work, on the engine's thread.

        So is `heard` each chunk that is final. Raises EngineError.
        """
        task = _Task(request, progress, cancel, heard)
        with self._turn:
            self._waiting.append(task)
            self._turn.notify()
        return await asyncio.shield(task.outcome)

    async def call(self, act: Callable[[], T]) -> T:
        """Return or raise as `act` does, called on the engine's thread when nothing is being generated."""
        call = _Call(act)
        with self._turn:
            self._calls.append(call)
            self._turn.notify()
        return await asyncio.shield(call.outcome)

    def close(self) -> None:
        """Begin nothing more. What is being generated is not waited for."""
        with self._turn:
            self._is_closed = True
            self._turn.notify()

    def take(self, model: str, limit: int) -> list["_Task"]:
        """Requests that join those of a model, unless something else comes first."""
        with self._turn:
            taken: list[_Task] = []
            if self._calls or self._is_closed:
                return taken
            while self._waiting and len(taken) < limit and self._waiting[0].request.model == model:
                taken.append(self._waiting.popleft())
            return taken

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._is_closed or self._calls or self._waiting)
                if self._is_closed:
                    return
                call = self._calls.popleft() if self._calls else None
                model = self._waiting[0].request.model if self._waiting else ""
            try:
                if call is not None:
                    call.run()
                else:
                    self._serve_model(model)
            except DeviceLost:
                logger.critical("the device is lost; the process has to end", exc_info=True)
                self.close()
                self.lost()

    def _serve_model(self, model: str) -> None:
        source = _Source(self, model)
        try:
            self._serve(model, source)
            error: EngineError = GenerationFailed("the engine left a task unfinished")
        except DeviceLost:
            raise
        except EngineError as refusal:
            error = refusal
        except Exception as fault:
            logger.exception("the engine broke", extra={"model": model})
            error = GenerationFailed(f"{type(fault).__name__}: {fault}")
        else:
            source.fail(error)
            return
        # A model that cannot be loaded was asked for by the first in line, who is told so.
        if not source.was_asked:
            source.take(1)
        source.fail(error)


class _Source:
    """The tasks of one model, as the engine takes them."""

    def __init__(self, thread: EngineThread, model: str) -> None:
        self._thread = thread
        self._model = model
        self._taken: list[_Task] = []
        self.was_asked = False

    def take(self, limit: int) -> Sequence[GenerationTask]:
        self.was_asked = True
        self._taken = [task for task in self._taken if not task.has_ended]
        tasks = self._thread.take(self._model, limit)
        self._taken += tasks
        return tasks

    def fail(self, error: EngineError) -> None:
        """End what was taken and has not ended."""
        for task in self._taken:
            task.failed(error)


class _Outcome(Generic[T]):
    """A future of the event loop that another thread fills in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[T] = self._loop.create_future()

    def _deliver(self, act: Callable[[], None]) -> None:
        def unless_done() -> None:
            if not self.outcome.done():
                act()

        try:
            self._loop.call_soon_threadsafe(unless_done)
        except RuntimeError:
            logger.debug("nobody waits for the engine any more")

    def _result(self, result: T) -> None:
        self._deliver(lambda: self.outcome.set_result(result))

    def _error(self, error: Exception) -> None:
        self._deliver(lambda: self.outcome.set_exception(error))


class _Task(_Outcome[Waveform]):
    """A request in line or in hand."""

    def __init__(
        self,
        request: GenerationRequest,
        progress: Callable[[float], None],
        cancel: CancelToken,
        heard: Callable[[Waveform], None],
    ) -> None:
        super().__init__()
        self.request = request
        self.cancel = cancel
        self.has_ended = False
        self._progress = progress
        self._heard = heard

    def progressed(self, share: float) -> None:
        self._progress(share)

    def streamed(self, chunk: Waveform) -> None:
        self._heard(chunk)

    def finished(self, waveform: Waveform) -> None:
        self.has_ended = True
        self._result(waveform)

    def failed(self, error: EngineError) -> None:
        if not self.has_ended:
            self.has_ended = True
            self._error(error)


class _Call(_Outcome[T]):
    """Something to be done on the engine's thread."""

    def __init__(self, act: Callable[[], T]) -> None:
        super().__init__()
        self._act = act

    def run(self) -> None:
        """Make the call. Raises DeviceLost, which concerns more than the one who called."""
        try:
            result = self._act()
        except DeviceLost as error:
            self._error(error)
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the call was made
            self._error(error)
        else:
            self._result(result)
