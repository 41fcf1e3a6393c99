"""Which models are in memory: loaded on demand, kept while there is room, and while they are used.

One thread loads, generates and unloads; `status` may be asked from any.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    Engine,
    EngineError,
    EngineOutOfMemory,
    GenerationRequest,
    GenerationTask,
    ModelLoadError,
    RequestNotSupported,
    TaskSource,
)

logger = logging.getLogger(__name__)


class ModelState(StrEnum):
    """Whether a model can be used, in the words of the service's status."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    READY = "ready"
    ERROR = "error"


class MemoryMeter(Protocol):
    """Measures the memory that models are loaded into."""

    def available_bytes(self) -> int | None:
        """What could be used now; None when that cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How models share memory. Times in seconds; `idle_s` 0 keeps a model for ever.

    `reserve_bytes` stays free for generating. A model that could not be loaded is tried again after
    `retry_load_s`; until then its error stands.
    """

    idle_s: float = 600.0
    reserve_bytes: int = 1_000_000_000
    retry_load_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What is known of a model. `memory_bytes` is measured when it was loaded, before that estimated."""

    model: str
    state: ModelState
    error: str = ""
    is_pinned: bool = False
    memory_bytes: int = 0
    last_used_s: float = 0.0
    failed_s: float = 0.0


class _Changes(TypedDict, total=False):
    state: ModelState
    error: str
    is_pinned: bool
    memory_bytes: int
    last_used_s: float
    failed_s: float


class _SecondChances:
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

    def __init__(self, task: GenerationTask, chances: _SecondChances) -> None:
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


class ModelManager:
    """The models of one worker and the engines that serve them."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        meter: MemoryMeter,
        limits: Limits | None = None,
        *,
        now_s: Callable[[], float],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`engines` by model. `now_s` is a clock that never goes back; `changed` is told of new states."""
        self._engines = dict(engines)
        self._meter = meter
        self._limits = limits or Limits()
        self._now_s = now_s
        self._changed = changed
        self._lock = threading.Lock()
        self._status: dict[str, ModelStatus] = {}
        for model, engine in self._engines.items():
            info = engine.info(model)
            state = ModelState.UNLOADED if info.needs_load else ModelState.READY
            self._status[model] = ModelStatus(model, state, memory_bytes=info.memory_bytes)

    def status(self) -> dict[str, ModelStatus]:
        """Every model's state now."""
        with self._lock:
            return dict(self._status)

    def pin(self, model: str) -> None:
        """Keep a model, once loaded, until it is unpinned."""
        self._set(self._known(model), is_pinned=True)

    def unpin(self, model: str) -> None:
        self._set(self._known(model), is_pinned=False)

    def load(self, model: str) -> Engine:
        """Make a model ready, and room for it first; returns its engine.

        Raises RequestNotSupported for an unknown model, ModelLoadError, EngineOutOfMemory.
        """
        status = self.status()[self._known(model)]
        if status.state is not ModelState.READY:
            self._check_not_just_failed(status)
            self._load(model, status)
        self._set(model, last_used_s=self._now_s())
        return self._engines[model]

    def serve(self, model: str, source: TaskSource) -> None:
        """Let the model's engine serve tasks, loading it first.

        A task for which memory runs out gets a second chance once others have made room. Raises
        RequestNotSupported, ModelLoadError or EngineOutOfMemory before anything is taken.
        """
        engine = self.load(model)
        chances = _SecondChances(source, lambda: self._evict_all_but(model))
        try:
            engine.serve(model, chances)
        finally:
            self._set(model, last_used_s=self._now_s())

    def unload(self, model: str) -> None:
        """Give back a model's memory, pinned or not; does nothing when it is not loaded."""
        if self._is_loaded(self._known(model)):
            logger.info("unloading model", extra={"model": model})
            self._engines[model].unload(model)
            self._set(model, state=ModelState.UNLOADED)

    def unload_idle(self) -> tuple[str, ...]:
        """Unload what nobody used for the idle time; returns what that was."""
        if self._limits.idle_s <= 0:
            return ()
        before_s = self._now_s() - self._limits.idle_s
        idle = [status.model for status in self._evictable() if status.last_used_s <= before_s]
        for model in idle:
            self.unload(model)
        return tuple(idle)

    def _load(self, model: str, status: ModelStatus) -> None:
        self._make_room(status.memory_bytes)
        self._set(model, state=ModelState.LOADING, error="")
        while True:
            before = self._meter.available_bytes()
            try:
                self._engines[model].load(model)
            except EngineOutOfMemory:
                if self._evict_next(model):
                    continue
                # Not the model's fault: the next job may find room.
                self._set(model, state=ModelState.UNLOADED)
                raise
            except Exception as error:
                self._fail(model, error)
                raise
            self._set(model, state=ModelState.READY, memory_bytes=self._measured(before, status.memory_bytes))
            return

    def _fail(self, model: str, error: Exception) -> None:
        logger.error("model could not be loaded", extra={"model": model}, exc_info=error)
        self._set(model, state=ModelState.ERROR, error=str(error), failed_s=self._now_s())

    def _check_not_just_failed(self, status: ModelStatus) -> None:
        """Raise the remembered error while it is fresh, so that a broken model costs its jobs little."""
        if status.state is not ModelState.ERROR:
            return
        if self._now_s() - status.failed_s < self._limits.retry_load_s:
            raise ModelLoadError(status.error)

    def _measured(self, before: int | None, estimate: int) -> int:
        after = self._meter.available_bytes()
        if before is None or after is None or after >= before:
            return estimate
        return before - after

    def _make_room(self, needed_bytes: int) -> None:
        """Evict the least recently used until a model should fit beside the reserve."""
        while True:
            available = self._meter.available_bytes()
            if available is None or available >= needed_bytes + self._limits.reserve_bytes:
                return
            if not self._evict_next():
                return

    def _evict_next(self, keep: str | None = None) -> bool:
        """Unload the least recently used model that may go; whether there was one."""
        candidates = [status for status in self._evictable() if status.model != keep]
        if not candidates:
            return False
        self.unload(min(candidates, key=lambda status: status.last_used_s).model)
        return True

    def _evict_all_but(self, model: str) -> bool:
        evicted = False
        while self._evict_next(model):
            evicted = True
        return evicted

    def _evictable(self) -> list[ModelStatus]:
        return [
            status
            for model, status in self.status().items()
            if self._is_loaded(model) and not status.is_pinned
        ]

    def _is_loaded(self, model: str) -> bool:
        return self.status()[model].state is ModelState.READY and self._engines[model].info(model).needs_load

    def _known(self, model: str) -> str:
        if model not in self._engines:
            raise RequestNotSupported(f"no engine serves {model!r}")
        return model

    def _set(self, model: str, **changes: Unpack[_Changes]) -> None:
        with self._lock:
            before = self._status[model]
            self._status[model] = replace(before, **changes)
            is_news = self._status[model].state is not before.state
        if is_news:
            self._changed()
