"""Manages which models are in memory: they are loaded on demand, and evicted when others need the memory.

One thread loads, generates and unloads; any thread may call `status`.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack

from webapp.engines.base import (
    Engine,
    EngineOutOfMemory,
    ModelLoadError,
    RequestNotSupported,
    TaskSource,
)
from webapp.engines.oom_retry import OutOfMemoryRetries

logger = logging.getLogger(__name__)


class ModelState(StrEnum):
    """A model's state, as the service's status names it."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    READY = "ready"
    ERROR = "error"


class MemoryMeter(Protocol):
    """Measures the memory that models are loaded into."""

    def available_bytes(self) -> int | None:
        """Return the memory that could be used now; None when that cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules by which models share memory. Times are in seconds; `idle_s` 0 never unloads an idle model.

    `reserve_bytes` stay free for generation. Loading a model that failed is retried after `retry_load_s`;
    until then its error is reported.
    """

    idle_s: float = 600.0
    reserve_bytes: int = 1_000_000_000
    retry_load_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The state of a model. `memory_bytes` is estimated until the model is loaded, and then measured.

    `loading_since_s` is when the load in progress began.
    """

    model: str
    state: ModelState
    error: str = ""
    is_pinned: bool = False
    memory_bytes: int = 0
    last_used_s: float = 0.0
    failed_s: float = 0.0
    loading_since_s: float = 0.0


class Loaded(Protocol):
    """Called after a load with its duration and whether the model is ready."""

    def __call__(self, model: str, seconds: float, *, is_ready: bool) -> object: ...


class _Changes(TypedDict, total=False):
    state: ModelState
    error: str
    is_pinned: bool
    memory_bytes: int
    last_used_s: float
    failed_s: float
    loading_since_s: float


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
        loaded: Loaded = lambda *_, **__: None,
        host: MemoryMeter | None = None,
    ) -> None:
        """`engines` are by model. `now_s` is a monotonic clock; `changed` is called after a change of state,
        `loaded` after a load.

        `meter` measures the memory of models; `host`, if different, that through which they are loaded.
        """
        self._engines = dict(engines)
        self._meter = meter
        self._host = host
        self._limits = limits or Limits()
        self._now_s = now_s
        self._changed = changed
        self._loaded = loaded
        self._lock = threading.Lock()
        self._serving: str | None = None
        self._status: dict[str, ModelStatus] = {}
        for model, engine in self._engines.items():
            self._status[model] = _fresh(model, engine)

    def adopt(self, engines: Mapping[str, Engine], changed: Collection[str]) -> None:
        """Serve models with these engines from now on; `changed` models lose their state, but not their pins.

        They must be unloaded. Models that are not in `engines` are no longer served.
        """
        with self._lock:
            before = self._status
            self._engines = dict(engines)
            self._status = {
                model: before[model]
                if model in before and model not in changed
                else replace(_fresh(model, engine), is_pinned=model in before and before[model].is_pinned)
                for model, engine in engines.items()
            }
        self._changed()

    def engine(self, model: str) -> Engine:
        """Return the engine that serves a model. Raises RequestNotSupported for an unknown one."""
        return self._engines[self._known(model)]

    def status(self) -> dict[str, ModelStatus]:
        """Return the current state of every model."""
        with self._lock:
            return dict(self._status)

    def pin(self, model: str) -> None:
        """Keep a model, once loaded, until it is unpinned."""
        self._set(self._known(model), is_pinned=True)

    def unpin(self, model: str) -> None:
        self._set(self._known(model), is_pinned=False)

    def load(self, model: str, *, even_if_it_just_failed: bool = False) -> Engine:
        """Make a model ready, evicting others if necessary; return its engine.

        Raises RequestNotSupported for an unknown model, ModelLoadError, EngineOutOfMemory.
        """
        status = self.status()[self._known(model)]
        if status.state is not ModelState.READY:
            if not even_if_it_just_failed:
                self._check_not_just_failed(status)
            self._load_measured(model, status)
        self._set(model, last_used_s=self._now_s())
        return self._engines[model]

    def serve(self, model: str, source: TaskSource) -> None:
        """Let the model's engine serve tasks, loading it first.

        A task for which memory runs out is retried once after other models are evicted. Raises
        RequestNotSupported, ModelLoadError or EngineOutOfMemory before anything is taken.
        """
        engine = self.load(model)
        retries = OutOfMemoryRetries(source, lambda: self._evict_all_but(model))
        self._serving = model
        try:
            engine.serve(model, retries)
        finally:
            self._serving = None
            self._set(model, last_used_s=self._now_s())

    def unload(self, model: str) -> None:
        """Release a model's memory, pinned or not; does nothing if it is not loaded."""
        if self._is_loaded(self._known(model)):
            logger.info("unloading model", extra={"model": model})
            self._engines[model].unload(model)
            self._set(model, state=ModelState.UNLOADED)

    def idle(self) -> tuple[str, ...]:
        """Return the models that were not used for the idle time and may be unloaded."""
        if self._limits.idle_s <= 0:
            return ()
        before_s = self._now_s() - self._limits.idle_s
        return tuple(
            status.model
            for status in self._evictable()
            if status.last_used_s <= before_s and status.model != self._serving
        )

    def unload_idle(self) -> tuple[str, ...]:
        """Unload the models that were not used for the idle time, and return them."""
        idle = self.idle()
        for model in idle:
            self.unload(model)
        return idle

    def _load_measured(self, model: str, status: ModelStatus) -> None:
        began_s, is_ready = self._now_s(), False
        try:
            self._load(model, status)
            is_ready = True
        finally:
            self._loaded(model, self._now_s() - began_s, is_ready=is_ready)

    def _load(self, model: str, status: ModelStatus) -> None:
        self._check_host(status.memory_bytes)
        self._set(model, state=ModelState.LOADING, error="", loading_since_s=self._now_s())
        self._evict_for(status.memory_bytes)
        while True:
            before = self._meter.available_bytes()
            try:
                self._engines[model].load(model)
            except EngineOutOfMemory:
                if self._evict_next(model):
                    continue
                # Not the model's fault: memory may suffice for the next task.
                self._set(model, state=ModelState.UNLOADED)
                raise
            except Exception as error:
                self._fail(model, error)
                raise
            self._set(model, state=ModelState.READY, memory_bytes=self._measured(before, status.memory_bytes))
            return

    def _check_host(self, needed_bytes: int) -> None:
        """Raise EngineOutOfMemory before the system kills the process while weights are loaded."""
        available = self._host.available_bytes() if self._host else None
        if available is not None and available < needed_bytes:
            raise EngineOutOfMemory(f"loading takes {needed_bytes} bytes, the host has {available} left")

    def _fail(self, model: str, error: Exception) -> None:
        logger.error("model could not be loaded", extra={"model": model}, exc_info=error)
        self._set(model, state=ModelState.ERROR, error=str(error), failed_s=self._now_s())

    def _check_not_just_failed(self, status: ModelStatus) -> None:
        """Raise the last error while it is recent, so that a broken model fails its tasks quickly."""
        if status.state is not ModelState.ERROR:
            return
        if self._now_s() - status.failed_s < self._limits.retry_load_s:
            raise ModelLoadError(status.error)

    def _measured(self, before: int | None, estimate: int) -> int:
        after = self._meter.available_bytes()
        if before is None or after is None or after >= before:
            return estimate
        return before - after

    def _evict_for(self, needed_bytes: int) -> None:
        """Evict the least recently used models until a model should fit beside the reserve."""
        while True:
            available = self._meter.available_bytes()
            if available is None or available >= needed_bytes + self._limits.reserve_bytes:
                return
            if not self._evict_next():
                return

    def _evict_next(self, keep: str | None = None) -> bool:
        """Unload the least recently used model that is not pinned; return whether there was one."""
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
            after = self._status[model] = replace(before, **changes)
        is_news = (after.state, after.is_pinned) != (before.state, before.is_pinned)
        if is_news:
            self._changed()


def _fresh(model: str, engine: Engine) -> ModelStatus:
    info = engine.info(model)
    state = ModelState.UNLOADED if info.needs_load else ModelState.READY
    return ModelStatus(model, state, memory_bytes=info.memory_bytes)
