"""Small hints that something changed, from those who change it to those who depend on it.

A hint carries no data: its receiver reads the database. Hints may be lost, so receivers also poll from time
to time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Literal, Protocol

import msgspec

from webapp.clock import Clock

Topic = Literal["queue", "job", "status", "control", "speech", "library", "account", "access"]
MAX_PENDING = 256
# The number of distinct hints whose last arrival is remembered.
MAX_REMEMBERED = 4096


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hint that something of a topic changed.

    - `queue`: the jobs in the queue, or its order.
    - `job`: the job `job_id`.
    - `status`: workers or models.
    - `control`: wishes for workers, or the weights on disk.
    - `speech`: the speech request `request_id`.
    - `library`: the sounds that people find in the library.
    - `account`: sounds, playlists, favourites or votes of the account `account_id`; None for any account.
    - `access`: tokens, sessions or rights of that account; None for any account.
    """

    topic: Topic
    job_id: str | None = None
    account_id: int | None = None
    request_id: str | None = None


def speech_changed(request_id: str) -> Event:
    """Return the hint that a speech request was submitted, claimed or ended."""
    return Event("speech", request_id=request_id)


def account_changed(account_id: int) -> Event:
    """Return the hint that sounds, playlists, favourites or votes of an account changed."""
    return Event("account", account_id=account_id)


def access_changed(account_id: int) -> Event:
    """Return the hint that tokens or sessions of an account ended, or that its rights changed."""
    return Event("access", account_id=account_id)


# Any account's access may have changed.
ACCESS_CHANGED: Final = Event("access")
# For receivers that may have missed hints: read everything.
MISSED: Final = (
    Event("queue"),
    Event("status"),
    Event("control"),
    Event("library"),
    Event("account"),
    ACCESS_CHANGED,
)


class Subscription:
    """The pending hints of one listener, without duplicates."""

    def __init__(self) -> None:
        self._pending: dict[Event, None] = {}
        self._arrived = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Add a hint; when too many are pending, they are replaced by the few of `MISSED`."""
        if len(self._pending) >= MAX_PENDING:
            self._pending = dict.fromkeys(MISSED)
        self._pending[event] = None
        self._arrived.set()

    async def wait(self, timeout_s: float | None = None) -> list[Event]:
        """Wait for hints and take them all; return an empty list after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return []
        return self.take()

    def take(self) -> list[Event]:
        """Take the pending hints without waiting."""
        self._arrived.clear()
        events, self._pending = list(self._pending), {}
        return events


class Bus(Protocol):
    """Carries hints between the parts and processes of one installation."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def publish(self, *events: Event) -> None:
        """Send hints, without ever waiting or failing."""
        ...

    def deliver(self, *events: Event) -> None:
        """Deliver hints to the listeners in this process only."""
        ...

    def subscribe(self) -> AbstractContextManager[Subscription]: ...

    def has_heard(self, event: Event, since_ms: int) -> bool:
        """Return whether this process received this hint at `since_ms` or later.

        Only recent times are known.
        """
        ...


class LocalBus:
    """Carries hints within one process; the base of the buses that also reach others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscriptions: set[Subscription] = set()
        self._heard_ms: dict[Event, int] = {}  # the latest last

    async def start(self) -> None:
        """Start carrying hints."""

    async def stop(self) -> None:
        """Stop carrying hints."""

    def publish(self, *events: Event) -> None:
        self.deliver(*events)

    def deliver(self, *events: Event) -> None:
        """Deliver hints to the listeners in this process only."""
        now_ms = self._clock.now_ms()
        for event in events:
            self._heard_ms.pop(event, None)
            self._heard_ms[event] = now_ms
        while len(self._heard_ms) > MAX_REMEMBERED:
            del self._heard_ms[next(iter(self._heard_ms))]
        for subscription in self._subscriptions:
            for event in events:
                subscription.offer(event)

    def has_heard(self, event: Event, since_ms: int) -> bool:
        """Return whether this process received this hint at `since_ms` or later.

        Only recent times are known.
        """
        heard_ms = self._heard_ms.get(event)
        return heard_ms is not None and heard_ms >= since_ms

    @property
    def listener_count(self) -> int:
        """Return how many subscriptions are open."""
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Subscribe to hints while the block runs."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
