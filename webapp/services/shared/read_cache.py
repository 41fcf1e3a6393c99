"""A cache of readings from the database that is never stale."""

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
    """A value that was read. From `valid_until_ms` on it may be different even if nothing was written."""

    value: V
    valid_until_ms: float = math.inf


class _Entry(Generic[V]):
    """A reading that is in progress or finished."""

    def __init__(self, task: asyncio.Task[Reading[V]], begun_ms: int) -> None:
        self.task = task
        self._begun_ms = begun_ms
        # Retrieve the exception: nobody may be waiting any more when it fails.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def holds_at(self, now_ms: int) -> bool:
        """Check that time has not outdated it; a clock set back or a failed reading does outdate it."""
        if not self.task.done():
            return True
        if self.task.cancelled() or self.task.exception() is not None:
            return False
        return self._begun_ms <= now_ms < self.task.result().valid_until_ms


class ReadCache(Generic[K, V]):
    """Caches values by key. A value is never older than the last commit, by any process, before the call.

    Each call gets the database's change token, which is cheap, and reads only if the token or the time shows
    that the value may have changed. Concurrent calls for the same key share a reading. Inside a transaction
    nothing is shared, because it may see rows that others may not.
    """

    def __init__(self, database: Database, clock: Clock, *, capacity: int) -> None:
        self._database = database
        self._clock = clock
        self._capacity = capacity
        self._token: object = None
        self._entries: dict[K, _Entry[V]] = {}

    async def get(self, key: K, read: Callable[[], Coroutine[Any, Any, Reading[V]]]) -> V:
        """Return the value of `key`, reading it with `read` if necessary. Raises what `read` raises."""
        if self._database.in_transaction:
            return (await read()).value
        token = await self._database.change_token()
        if token != self._token:
            self._entries.clear()
            self._token = token
        now_ms = self._clock.now_ms()
        entry = self._entries.get(key)
        if entry is None or not entry.holds_at(now_ms):
            # Begun after the token was taken, so it is at least as new as the token.
            entry = _Entry(asyncio.create_task(read()), now_ms)
            self._keep(key, entry)
        if entry.task.done():
            return entry.task.result().value
        # Shielded: a cancelled caller must not cancel the reading for the others.
        return (await asyncio.shield(entry.task)).value

    def _keep(self, key: K, entry: _Entry[V]) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._capacity:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = entry
