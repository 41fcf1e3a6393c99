"""Actions that must work on a full disk: signing in and out, and deleting, which frees space."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from webapp.database import Database
from webapp.errors import StorageFull

T = TypeVar("T")
P = ParamSpec("P")


class _OfDatabase(Protocol):
    _database: Database


S = TypeVar("S", bound=_OfDatabase)


async def even_if_full(database: Database, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`; if the disk is full, free the reserve and do it again. Raises what `work` raises."""
    try:
        return await work()
    except StorageFull:
        if database.in_transaction or not await database.use_reserve():
            raise
        return await work()


def essential(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a service's method work on a full disk."""

    async def with_reserve(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await even_if_full(self._database, lambda: method(self, *args, **kwargs))

    update_wrapper(with_reserve, method)
    return with_reserve
