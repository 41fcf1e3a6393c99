"""What was read from the database, kept for as long as reading it again would give the same."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from webapp.clock import Clock
from webapp.database import Database

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Reading(Generic[V]):
    """A value as it was read. From `until_ms` on it may be another although nobody wrote anything."""

    value: V
    until_ms: float = math.inf


class _Entry(Generic[V]):
    """A reading that is on its way, or there."""

    def __init__(self, task: asyncio.Task[Reading[V]], begun_ms: int) -> None:
        self.task = task
        self._begun_ms = begun_ms
        # Everybody who waited may have left when it fails.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def holds_at(self, now_ms: int) -> bool:
        """Whether time alone has left it as it was; not so if the clock was set back, or reading failed."""
        if not self.task.done():
            return True
        if self.task.cancelled() or self.task.exception() is not None:
            return False
        return self._begun_ms <= now_ms < self.task.result().until_ms


class ReadCache(Generic[K, V]):
    """Values by key. What it gives is never older than the last commit, by anybody, before it was asked.

    Each call asks the database for its change token, which costs next to nothing, and reads only when
    the token, or the time, says that the value may be another. Those who need the same reading at
    the same time share it. Inside a transaction nothing is shared: it may see what others may not.
    """

    def __init__(self, database: Database, clock: Clock, *, capacity: int) -> None:
        self._database = database
        self._clock = clock
        self._capacity = capacity
        self._token: object = None
        self._entries: dict[K, _Entry[V]] = {}

    async def get(self, key: K, read: Callable[[], Coroutine[Any, Any, Reading[V]]]) -> V:
        """The value of `key`, which `read` brings when it is not there. Raises what `read` raises."""
        if self._database.in_transaction:
            return (await read()).value
        token = await self._database.change_token()
        if token != self._token:
            self._entries.clear()
            self._token = token
        now_ms = self._clock.now_ms()
        entry = self._entries.get(key)
        if entry is None or not entry.holds_at(now_ms):
            # Begun after the token was taken, so it is no older than the token says.
            entry = _Entry(asyncio.create_task(read()), now_ms)
            self._keep(key, entry)
        if entry.task.done():
            return entry.task.result().value
        # Shielded: one who leaves must not take the reading from the others.
        return (await asyncio.shield(entry.task)).value

    def _keep(self, key: K, entry: _Entry[V]) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._capacity:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = entry
