"""One question for everybody who asks at about the same time."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedCheck(Generic[T]):
    """Asks once for all who want to know; each gets an answer that was asked for after it came.

    While one question is on its way, those who come wait for the next: an answer that had been on its
    way already could be older than what they know to be true.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """The answer to a question asked after this call began. Raises what asking raises."""
        if self._next is None:
            # A context of its own: whoever happens to be first may be inside a transaction.
            self._next = asyncio.create_task(self._ask_after(self._asking), context=contextvars.Context())
        # Shielded: one who stops waiting must not take the answer from the others.
        return await asyncio.shield(self._next)

    async def _ask_after(self, earlier: asyncio.Task[T] | None) -> T:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._asking, self._next = self._next, None
        return await self._ask()
