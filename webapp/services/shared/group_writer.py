"""Group commit: items that arrive at about the same time share one transaction."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Write = Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Outcome | Exception]]]


class GroupWriter(Generic[Item, Outcome]):
    """Passes items to `write` in groups, in order of arrival, one group at a time.

    No item waits for a group to fill up: those that arrive while a group is being written form the next one.
    `write` returns an outcome, or the error to raise, for each item; an error that it raises itself applies
    to the whole group. An item whose caller has given up before its group began is not written.
    """

    def __init__(self, write: Write[Item, Outcome], *, largest: int) -> None:
        self._write = write
        self._largest = largest
        self._waiting: deque[tuple[Item, asyncio.Future[Outcome]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Outcome:
        """Write the item with the others that are waiting; return or raise its outcome."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._writer is None or self._writer.done():
            # In a context of its own: the writing is not part of the first caller's request.
            self._writer = asyncio.create_task(self._run(), context=contextvars.Context())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            count = min(self._largest, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(count)]
            group = [(item, answer) for item, answer in taken if not answer.done()]
            if group:
                await self._write_group(group)

    async def _write_group(self, group: Sequence[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        (written,) = await asyncio.gather(self._write([item for item, _ in group]), return_exceptions=True)
        outcomes = [written] * len(group) if isinstance(written, BaseException) else written
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
