"""One story for many listeners."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from webapp.clock import SystemClock
from webapp.events import Event, LocalBus
from webapp.http.streams.broadcast import Broadcast, Story, Telling
from webapp.http.streams.sse import ServerEvent

LONG_S = 3600.0


class Numbers:
    """A story of one number, which tests change; every start of it is counted."""

    def __init__(self) -> None:
        self.number = 0
        self.begun = 0
        self.readings = 0
        self.failures = 0

    def begin(self) -> Story:
        self.begun += 1
        told: int | None = None

        async def read(hints: Sequence[Event]) -> Telling | None:
            nonlocal told
            self.readings += 1
            if self.failures:
                self.failures -= 1
                raise OSError("the database is away")
            if self.number == told:
                return None
            told = number = self.number
            return Telling(ServerEvent(f"now {number}"), lambda: ServerEvent(f"all of {number}"))

        return read


class Stage:
    """A broadcast of numbers that tells at once and never by itself."""

    def __init__(self) -> None:
        self.bus = LocalBus(SystemClock())
        self.numbers = Numbers()
        self.broadcast = Broadcast(self.bus, self.numbers.begin, interval_s=0, refresh_s=LONG_S)

    def say(self, number: int) -> None:
        self.numbers.number = number
        self.bus.publish(Event("queue"))

    def is_followed(self) -> bool:
        return bool(self.bus._subscriptions)  # noqa: SLF001 - there is no other way to see a leak


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def told(events: AsyncGenerator[ServerEvent, None]) -> str:
    async with asyncio.timeout(5):
        return (await anext(events)).data


async def test_first_the_whole_then_the_news(stage: Stage) -> None:
    async with aclosing(stage.broadcast.events()) as events:
        assert await told(events) == "all of 0"
        stage.say(1)
        assert await told(events) == "now 1"
        stage.say(2)
        assert await told(events) == "now 2"


async def test_one_reading_serves_everybody_with_the_same_event(stage: Stage) -> None:
    listeners = [stage.broadcast.events() for _ in range(50)]
    for events in listeners:
        await told(events)
    assert stage.numbers.readings == 1
    stage.say(1)
    heard = await asyncio.gather(*(anext(events) for events in listeners))
    assert {event.data for event in heard} == {"now 1"}
    assert len({id(event) for event in heard}) == 1
    for events in listeners:
        await events.aclose()


async def test_who_comes_later_is_told_the_whole(stage: Stage) -> None:
    async with aclosing(stage.broadcast.events()) as early, aclosing(stage.broadcast.events()) as late:
        await told(early)
        stage.say(1)
        assert await told(early) == "now 1"
        assert await told(late) == "all of 1"
        stage.say(2)
        assert (await told(early), await told(late)) == ("now 2", "now 2")


async def test_who_is_too_slow_is_told_the_whole_again(stage: Stage) -> None:
    async with aclosing(stage.broadcast.events()) as quick, aclosing(stage.broadcast.events()) as slow:
        await told(quick)
        await told(slow)
        for number in (1, 2, 3):
            stage.say(number)
            assert await told(quick) == f"now {number}"
        assert await told(slow) == "all of 3"


async def test_hints_without_news_tell_nothing(stage: Stage) -> None:
    async with aclosing(stage.broadcast.events()) as events:
        await told(events)
        upcoming = asyncio.ensure_future(told(events))
        stage.bus.publish(Event("status"))
        await asyncio.sleep(0)
        stage.say(1)
        assert await upcoming == "now 1"


async def test_a_failed_reading_ends_no_stream(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async with aclosing(stage.broadcast.events()) as events:
        await told(events)
        stage.numbers.failures = 1
        upcoming = asyncio.ensure_future(told(events))
        begun = stage.numbers.begun
        async with asyncio.timeout(5):
            while stage.numbers.begun == begun:
                stage.say(1)
                await asyncio.sleep(0)
        stage.say(2)
        assert await upcoming in {"now 1", "now 2"}
    assert "could not read" in caplog.text


async def test_nothing_is_followed_once_the_last_has_left(stage: Stage) -> None:
    first, second = stage.broadcast.events(), stage.broadcast.events()
    await told(first)
    await told(second)
    await first.aclose()
    assert stage.is_followed()
    await second.aclose()
    assert not stage.is_followed()
    stage.numbers.number = 7
    async with aclosing(stage.broadcast.events()) as events:
        assert await told(events) == "all of 7"
    assert stage.numbers.begun == 2
