"""Connects to PostgreSQL: the one place for addresses, time limits and session settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg

from webapp.database.address import VARIABLE, checked_address
from webapp.errors import SettingsError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# A process that stands still inside a transaction, or is cut off, keeps the queue's row no longer than this.
HANGING_TRANSACTION_MS: Final = 3_000
# The server ends a statement itself; only if it does not even do that, we give up on it.
OVERTIME_S: Final = 1.0
ENCODING: Final = "UTF8"

_WRONG_SETTINGS: Final[dict[type[Exception], str]] = {
    asyncpg.InvalidAuthorizationSpecificationError: "the server does not accept the user name or password",
    asyncpg.InvalidCatalogNameError: "the server has no database of that name",
    asyncpg.InsufficientPrivilegeError: "the user may not use this database",
    asyncpg.ClientConfigurationError: "an option after the ? has a wrong value, or names a missing file",
    asyncpg.UndefinedObjectError: "the server does not know an option after the ?",
    asyncpg.InvalidParameterValueError: "an option after the ? has a wrong value",
    asyncpg.CantChangeRuntimeParamError: "an option after the ? cannot be set for a connection",
    ValueError: "it is not an address that can be understood",
}

_is_unlimited: ContextVar[bool] = ContextVar("is_unlimited", default=False)


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """The longest waits, in seconds, and the most connections of a process.

    Waits: for a connection, for what others have locked, for a statement.
    """

    connect_s: float = 5.0
    lock_s: float = 5.0
    statement_s: float = 15.0
    connections: int = 10


class PostgresLink:
    """Connects to one database. Raises SettingsError when its address cannot be one."""

    def __init__(
        self,
        url: str,
        limits: PostgresLimits | None = None,
        *,
        variable: str = VARIABLE,
        is_pooled: bool = False,
    ) -> None:
        """`is_pooled`: a PgBouncer may give each transaction another connection of its own to the server.

        Nothing may then be kept between transactions: no prepared statement, and no setting of the session.
        """
        self._url = checked_address(url, variable)
        self._is_pooled = is_pooled
        self.limits = limits or PostgresLimits()

    def __repr__(self) -> str:
        return "PostgresLink(…)"

    def arguments(self, *, is_limited: bool = True) -> dict[str, Any]:
        """Return the driver's arguments for a connection."""
        # An option after the ? may ask for another encoding, in which not every text can be sent.
        settings = {"client_encoding": ENCODING}
        if not self._is_pooled:
            settings |= self._time_limits(is_limited=is_limited)
        cache = {"statement_cache_size": 0} if self._is_pooled else {}
        return {"dsn": self._url, "timeout": self.limits.connect_s, "server_settings": settings, **cache}

    def _time_limits(self, *, is_limited: bool) -> dict[str, str]:
        limits = {"idle_in_transaction_session_timeout": str(HANGING_TRANSACTION_MS)}
        if is_limited:
            limits["statement_timeout"] = _milliseconds(self.limits.statement_s)
            limits["lock_timeout"] = _milliseconds(self.limits.lock_s)
        return limits

    def transaction_settings(self, *, is_durable: bool) -> str:
        """Return the statements that a transaction begins with; empty for none."""
        settings = self._time_limits(is_limited=not _is_unlimited.get()) if self._is_pooled else {}
        if not is_durable:
            settings["synchronous_commit"] = "off"
        if _is_unlimited.get():
            settings["statement_timeout"] = "0"
        return "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())

    async def connect(self, *, is_limited: bool = True) -> Connection:
        """A connection of one's own. Raises what the driver raises."""
        connection: Connection = await asyncpg.connect(**self.arguments(is_limited=is_limited))
        return connection

    @property
    def patience_s(self) -> float | None:
        """Return the longest wait for a statement's answer here and now; None for as long as it takes."""
        return None if _is_unlimited.get() else self.limits.statement_s + OVERTIME_S


@contextmanager
def wrong_settings() -> Iterator[None]:
    """Raise SettingsError in place of what the driver raises for an address that will never do.

    Its own texts are left out, and the errors with them: they may quote the address.
    """
    try:
        yield
    except tuple(_WRONG_SETTINGS) as error:
        what = next(text for kind, text in _WRONG_SETTINGS.items() if isinstance(error, kind))
        raise SettingsError(f"Cannot use the database of {VARIABLE}: {what}.") from None


@contextmanager
def needed_rights() -> Iterator[None]:
    """Raise SettingsError where the user of the address may not do what has to be done."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError:
        raise SettingsError(
            f"The user of {VARIABLE} may not make tables in the database; make that user its owner."
        ) from None


@contextmanager
def no_time_limit() -> Iterator[None]:
    """For what takes as long as it takes, such as a migration: its statements have no time limit."""
    token = _is_unlimited.set(True)
    try:
        yield
    finally:
        _is_unlimited.reset(token)


def refuse_encoding(encoding: str) -> None:
    """Raise SettingsError for a database that cannot store every text."""
    if encoding != ENCODING:
        raise SettingsError(
            f"The database of {VARIABLE} stores text as {encoding}, which cannot hold every prompt and name;"
            f" make one with: CREATE DATABASE soundloom ENCODING '{ENCODING}' TEMPLATE template0."
        )


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
