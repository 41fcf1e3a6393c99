"""Small hints that something changed, from whoever changed it to whoever shows it.

A hint says where to look, never what is true: who receives one reads the database. Hints may be
lost, so everyone who depends on them also looks by itself from time to time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Literal, Protocol

import msgspec

from webapp.clock import Clock

Topic = Literal["queue", "job", "status", "control", "speech", "library", "account", "access"]
MAX_PENDING = 256
# Of how many different hints it is remembered when they last came.
MAX_REMEMBERED = 4096


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hint, and whom or what it is about, where it is about one.

    `queue`: something waits or waits no more. `job`: the job of `job_id` changed. `status`: workers or models
    did. `control`: what is asked of workers did, or the weights they find. `speech`: the request to speak of
    `request_id` did. `library`: what people find there did. `account`: what the account of `account_id` has
    and keeps did. `access`: who is let in as that account may have changed. Without an `account_id` these two
    are about any account.
    """

    topic: Topic
    job_id: str | None = None
    account_id: int | None = None
    request_id: str | None = None


def speech_changed(request_id: str) -> Event:
    """The hint that a request to speak was written down, taken up or has ended."""
    return Event("speech", request_id=request_id)


def account_changed(account_id: int) -> Event:
    """The hint that sounds, playlists, favourites or votes of an account changed."""
    return Event("account", account_id=account_id)


def access_changed(account_id: int) -> Event:
    """The hint that tokens or sessions of an account ended, or that its rights changed."""
    return Event("access", account_id=account_id)


# Any account's access may have changed.
ACCESS_CHANGED: Final = Event("access")
# For whoever may have missed hints: look at everything.
MISSED: Final = (
    Event("queue"),
    Event("status"),
    Event("control"),
    Event("library"),
    Event("account"),
    ACCESS_CHANGED,
)


class Subscription:
    """One listener's pending hints, coalesced: a slow listener gets each distinct hint once."""

    def __init__(self) -> None:
        self._pending: dict[Event, None] = {}
        self._arrived = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Add a hint; when too many differ, they collapse into few that say to look at everything."""
        if len(self._pending) >= MAX_PENDING:
            self._pending = dict.fromkeys(MISSED)
        self._pending[event] = None
        self._arrived.set()

    async def wait(self, timeout_s: float | None = None) -> list[Event]:
        """Wait until there are hints, then take them all; an empty list after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return []
        return self.take()

    def take(self) -> list[Event]:
        """Take the hints there are, without waiting."""
        self._arrived.clear()
        events, self._pending = list(self._pending), {}
        return events


class Bus(Protocol):
    """Carries hints between the parts and processes of one installation."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def publish(self, *events: Event) -> None:
        """Send hints; never waits and never fails."""
        ...

    def deliver(self, *events: Event) -> None:
        """Give hints to the listeners in this process only."""
        ...

    def subscribe(self) -> AbstractContextManager[Subscription]: ...

    def has_heard(self, event: Event, since_ms: int) -> bool:
        """Return whether this hint came to this process at `since_ms`, a moment ago, or later."""
        ...


class LocalBus:
    """Carries hints within one process; the base of the buses that also reach others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscriptions: set[Subscription] = set()
        self._heard_ms: dict[Event, int] = {}  # the latest last

    async def start(self) -> None:
        """Begin to carry hints."""

    async def stop(self) -> None:
        """Carry no more hints."""

    def publish(self, *events: Event) -> None:
        self.deliver(*events)

    def deliver(self, *events: Event) -> None:
        """Give hints to the listeners in this process only."""
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
        """Return whether this hint came to this process at `since_ms`, a moment ago, or later."""
        heard_ms = self._heard_ms.get(event)
        return heard_ms is not None and heard_ms >= since_ms

    @property
    def listener_count(self) -> int:
        """Return how many subscriptions are open."""
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A subscription that ends with the block."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
