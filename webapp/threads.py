"""Files and connections that a thread opens for a task."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar


class Closable(Protocol):
    """A resource that is freed by closing it."""

    def close(self) -> object: ...


T = TypeVar("T", bound=Closable)


async def open_in_thread(opening: Callable[[], T]) -> T:
    """Run a blocking call that opens something, and return what it opened.

    A thread cannot be interrupted: when the waiting task is cancelled, the thread still opens its resource,
    and `asyncio.to_thread` would drop it open. Here it is closed.
    """
    handover = _Handover(opening)
    try:
        return await asyncio.to_thread(handover.run)
    except asyncio.CancelledError:
        handover.abandon()
        raise


class _Handover(Generic[T]):
    """One resource on its way from the thread to the task. Whichever of the two comes last closes it."""

    def __init__(self, opening: Callable[[], T]) -> None:
        self._opening: Final = opening
        self._lock: Final = threading.Lock()
        self._opened: T | None = None
        self._is_abandoned = False

    def run(self) -> T:
        opened = self._opening()
        with self._lock:
            self._opened = opened
            must_close = self._is_abandoned
        if must_close:
            opened.close()
        return opened

    def abandon(self) -> None:
        with self._lock:
            self._is_abandoned = True
            opened = self._opened
        if opened is not None:
            opened.close()
