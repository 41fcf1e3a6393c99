"""Live updates of open pages: fragments for one viewer, each for the element it replaces."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from webapp.clock import Clock
from webapp.events import Bus, Event
from webapp.http.streams.sse import ServerEvent
from webapp.pages.frame.partials import Swap, partial

COALESCE_S: Final = 0.1
# Hints may be lost, and waits grow shorter without any.
REFRESH_S: Final = 10.0
RETRY_MS: Final = 1_000
# A page was rendered a little after the state that it shows was read.
RENDERING_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Fragment:
    """Markup for one element. A list has `parts`, the fragments of its entries, and replaces them all."""

    element_id: str
    html: str
    swap: Swap = "outerMorph"
    parts: tuple["Fragment", ...] | None = None

    def encode(self) -> str:
        return partial(self.element_id, self.html, self.swap)


def list_fragment(element_id: str, parts: Sequence[Fragment], *, when_empty: str) -> Fragment:
    """The entries of a list in their order, or what stands in their place when there are none."""
    html = "".join(part.html for part in parts) if parts else when_empty
    return Fragment(element_id, html, swap="innerMorph", parts=tuple(parts))


class Feed(Protocol):
    """The feed of one open page."""

    def note(self, event: Event) -> bool:
        """Take a hint; returns whether something that this page shows may have changed."""
        ...

    def take_signals(self) -> tuple[str, ...]:
        """Names of events for the page's own elements, raised by hints since the last call."""
        ...

    async def fragments(self) -> list[Fragment]:
        """Everything that may have changed since the last call, as it is now."""
        ...


async def follow(
    clock: Clock,
    bus: Bus,
    feed: Feed,
    *,
    coalesce_s: float = COALESCE_S,
    refresh_s: float = REFRESH_S,
) -> AsyncGenerator[ServerEvent, None]:
    """The present state of a feed, then every change to it, a burst of changes as one.

    What is told was read after the hint for it, so nothing is missed; what a reader has already is
    not sent again. The first change after a quiet time is told at once. A slow reader is told the
    newest state when it is ready for more.
    """
    told: dict[str, str] = {}
    now_s = asyncio.get_running_loop().time
    told_at = now_s()
    with bus.subscribe() as subscription:
        while True:
            told_at = now_s()
            changed = news(await feed.fragments(), told)
            if changed:
                yield message(clock, changed)
            for name in feed.take_signals():
                yield ServerEvent("", name=name)
            refresh_at = now_s() + refresh_s
            while (left_s := refresh_at - now_s()) > 0:
                hints = await subscription.wait(left_s)
                # Each is noted, so not `any` over the notes as they are made: it would stop at the first.
                noted = [feed.note(hint) for hint in hints]
                if any(noted):
                    await asyncio.sleep(max(0.0, told_at + coalesce_s - now_s()))
                    break


def news(fragments: Iterable[Fragment], told: dict[str, str]) -> list[Fragment]:
    """Return the fragments that the reader has not got, and note them as told.

    Lists are given only when they changed, so they always are news.
    """
    changed = []
    for fragment in fragments:
        if fragment.parts is not None:
            told.update((part.element_id, part.html) for part in fragment.parts)
        elif told.get(fragment.element_id) != fragment.html:
            told[fragment.element_id] = fragment.html
        else:
            continue
        changed.append(fragment)
    return changed


def message(clock: Clock, fragments: Iterable[Fragment]) -> ServerEvent:
    """`event_id` is the time of the state that was told: what a reader who reconnects has seen."""
    data = "".join(fragment.encode() for fragment in fragments)
    return ServerEvent(data, event_id=str(clock.now_ms()), retry_ms=RETRY_MS)
