"""What open pages are told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from tests.factories import FACTS, choice, report_progress
from tests.pages.steps import WORKER, finish_one, make_sound, start_one
from webapp.assets import asset_folder
from webapp.clock import ManualClock
from webapp.events import MISSED, Event, LocalBus
from webapp.http.files.static import StaticFiles
from webapp.http.streams.sse import ServerEvent
from webapp.pages.admin.models import ModelsFeed
from webapp.pages.frame.live import Feed, Fragment, follow, list_fragment, news
from webapp.pages.frame.rendering import Renderer
from webapp.pages.queue.feed import QueueFeed, SharedQueue
from webapp.pages.queue.generate_feed import QUEUE_MOVED, GenerateFeed
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.models.weights_register import WeightsRegister
from webapp.settings import Settings

PER_ACCOUNT = Settings().connections_per_account

LONG_S = 3600.0


@pytest.fixture
def renderer(services: Services) -> Renderer:
    return Renderer(asset_folder() / "templates", StaticFiles(asset_folder() / "static"), services.clock)


@asynccontextmanager
async def following(services: Services, feed: Feed) -> AsyncIterator[AsyncGenerator[ServerEvent, None]]:
    """The stream of a page that is told at once and never refreshes by itself."""
    async with aclosing(follow(services.clock, services.bus, feed, coalesce_s=0, refresh_s=LONG_S)) as stream:
        yield stream


async def upcoming(stream: AsyncGenerator[ServerEvent, None]) -> str:
    async with asyncio.timeout(5):
        event = await anext(stream)
        while event.name:
            event = await anext(stream)
        return event.data


class Counter:
    """A feed of one number."""

    def __init__(self) -> None:
        self.number = 0
        self.readings = 0

    def note(self, event: Event) -> bool:
        return event.topic == "queue"

    def take_signals(self) -> tuple[str, ...]:
        return ()

    async def fragments(self) -> list[Fragment]:
        self.readings += 1
        return [Fragment("number", str(self.number)), Fragment("same", "always")]


async def test_the_present_state_comes_first_then_only_what_changed(services: Services) -> None:
    feed = Counter()
    async with following(services, feed) as stream:
        first = await upcoming(stream)
        assert first == Fragment("number", "0").encode() + Fragment("same", "always").encode()
        feed.number = 1
        services.bus.publish(Event("queue"))
        assert await upcoming(stream) == Fragment("number", "1").encode()


async def test_a_burst_is_one_event_and_what_does_not_concern_is_none(services: Services) -> None:
    feed = Counter()
    async with following(services, feed) as stream:
        await upcoming(stream)
        reading = asyncio.ensure_future(upcoming(stream))
        await asyncio.sleep(0)
        services.bus.publish(Event("job", "a" * 12), Event("status"))
        await asyncio.sleep(0)
        feed.number = 9
        for _ in range(50):
            services.bus.publish(Event("queue"), Event("job", "b" * 12))
        assert await reading == Fragment("number", "9").encode()
        assert feed.readings == 2


async def test_a_list_that_was_sent_counts_for_its_entries(services: Services) -> None:
    class Lines(Counter):
        async def fragments(self) -> list[Fragment]:
            line = Fragment("line-1", f"line {self.number}")
            if self.number == 1:
                return [list_fragment("lines", [line], when_empty="none")]
            return [line]

    feed = Lines()
    async with following(services, feed) as stream:
        for number in (0, 1, 0):
            feed.number = number
            services.bus.publish(Event("queue"))
            assert f"line {number}" in await upcoming(stream)


async def test_nothing_stays_subscribed(services: Services) -> None:
    bus = cast("LocalBus", services.bus)
    async with following(services, Counter()) as stream:
        await upcoming(stream)
        assert len(bus._subscriptions) == 1  # noqa: SLF001 - there is no other way to see a leak
    assert bus._subscriptions == set()  # noqa: SLF001


def shared_queue(services: Services, renderer: Renderer) -> SharedQueue:
    """Make the queue that open pages share."""
    return SharedQueue(
        services.settings, services.clock, services.bus,
        services.accounts, services.queue, services.workers, services.admin, renderer,
    )  # fmt: skip


def generate_feed(services: Services, renderer: Renderer, viewer: Identity, seen_ms: int) -> GenerateFeed:
    """Make what the start page of a viewer follows."""
    return GenerateFeed(
        services.clock, services.bus, services.accounts, services.queue, services.workers,
        renderer, viewer, seen_ms,
    )  # fmt: skip


async def test_a_card_follows_its_job_from_line_to_sound(
    services: Services, renderer: Renderer, ann: Identity, clock: ManualClock
) -> None:
    feed = generate_feed(services, renderer, ann, clock.now_ms())
    async with following(services, feed) as stream:
        await upcoming(stream)
        clock.advance_s(60)
        job_id = (await services.queue.submissions.submit(ann, choice("rain"))).job_id
        added = await upcoming(stream)
        assert '<hx-partial hx-target="#job-list" hx-swap="innerMorph">' in added
        assert "Place 1" in added
        claim = await start_one(services)
        assert "<progress" in await upcoming(stream)
        await report_progress(services, claim, 45)
        moved = await upcoming(stream)
        assert f'<hx-partial hx-target="#job-{job_id}" hx-swap="outerMorph">' in moved
        assert 'value="45"' in moved
        await services.queue.leases.complete(claim, FACTS)
        done = await upcoming(stream)
        assert "<audio" in done
        assert "Finished: rain" in done


async def test_a_job_that_came_and_ended_between_two_looks_is_shown(
    services: Services, renderer: Renderer, ann: Identity, clock: ManualClock
) -> None:
    feed = generate_feed(services, renderer, ann, clock.now_ms())
    await feed.fragments()
    clock.advance_s(60)
    await feed.fragments()
    clock.advance_s(1)
    short = await finish_one(services, ann, "a short one")
    told = await feed.fragments()
    assert [part.element_id for fragment in told for part in fragment.parts or ()] == [f"job-{short}"]
    assert await feed.fragments() == []


async def test_the_start_page_is_told_what_was_done_to_its_sounds_elsewhere(
    services: Services, renderer: Renderer, ann: Identity, clock: ManualClock
) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    sound = await make_sound(services, ann, "rain")
    feeds = [generate_feed(services, renderer, viewer, clock.now_ms()) for viewer in (ann, bob)]
    with services.bus.subscribe() as hints:
        await services.library.publishing.delete(ann, sound)
        heard = await hints.wait(1)
    for feed in feeds:
        for hint in heard:
            feed.note(hint)
    assert [feed.take_signals() for feed in feeds] == [("library-changed",), ()]
    for feed in feeds:
        for hint in MISSED:
            feed.note(hint)
    assert [feed.take_signals() for feed in feeds] == [("library-changed", "queue-moved")] * 2
    late = [generate_feed(services, renderer, viewer, clock.now_ms()) for viewer in (ann, bob)]
    for feed in late:
        await feed.fragments()
    assert [feed.take_signals() for feed in late] == [("library-changed",), ()]


async def test_a_page_is_told_when_the_queue_moved(
    services: Services, renderer: Renderer, ann: Identity
) -> None:
    async with following(services, generate_feed(services, renderer, ann, 0)) as stream:
        await upcoming(stream)
        services.bus.publish(Event("queue"))
        event = await anext(stream)
        assert event.name == QUEUE_MOVED


async def test_a_reader_who_comes_back_gets_what_happened_meanwhile(
    services: Services, renderer: Renderer, ann: Identity, clock: ManualClock
) -> None:
    old = await finish_one(services, ann, "an old one")
    clock.advance_s(60)
    seen_ms = clock.now_ms()
    clock.advance_s(60)
    async with following(services, generate_feed(services, renderer, ann, seen_ms)) as stream:
        assert old not in await upcoming(stream)
    new = await finish_one(services, ann, "a new one")
    async with following(services, generate_feed(services, renderer, ann, seen_ms)) as stream:
        assert f'id="job-{new}"' in await upcoming(stream)


async def test_the_queue_page_follows_lines_counts_and_workers(
    services: Services, renderer: Renderer, ann: Identity, clock: ManualClock
) -> None:
    async with following(services, QueueFeed(shared_queue(services, renderer))) as stream:
        assert "The queue is empty." in await upcoming(stream)
        job_id = (await services.queue.submissions.submit(ann, choice("private words"))).job_id
        table = await upcoming(stream)
        assert f'id="queue-job-{job_id}"' in table
        assert "private words" not in table
        claim = await start_one(services)
        assert "<dt>Generating</dt><dd>1</dd>" in await upcoming(stream)
        await report_progress(services, claim, 30)
        line = await upcoming(stream)
        assert f'<hx-partial hx-target="#queue-job-{job_id}"' in line
        assert "queue-rows" not in line
        await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
        assert "Worker 1" in await upcoming(stream)
        await services.queue.leases.complete(claim, FACTS)
        assert "The queue is empty." in await upcoming(stream)


async def test_the_page_of_models_follows_workers_and_where_weights_are(
    services: Services, renderer: Renderer, clock: ManualClock
) -> None:
    feed = ModelsFeed(services.queue, services.models, services.workers, renderer)
    told: dict[str, str] = {}
    assert "queue-models" in {fragment.element_id for fragment in news(await feed.fragments(), told)}
    assert "nothing can be downloaded or removed" in told["weights-folders"]
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    # A worker that starts makes its models ones that are loading.
    changed = [fragment.element_id for fragment in news(await feed.fragments(), told)]
    assert changed == ["queue-models", "workers"]
    register = WeightsRegister(services.database, clock, services.bus, host="h", path="/models")
    await register.seen(10**9, installed=())
    (folders,) = news(await feed.fragments(), told)
    assert "1 GB free" in folders.html


async def test_the_stream_over_http(
    app: Litestar, services: Services, ann: Identity, browser: httpx.AsyncClient
) -> None:
    assert (await browser.get("/events?view=generate")).status_code == 303
    assert (await browser.get("/events?view=nothing")).status_code == 400
    secret = await services.accounts.sessions.create(ann.account_id)
    messages: asyncio.Queue[Any] = asyncio.Queue()
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/events",
        "raw_path": b"/events",
        "query_string": b"view=queue",
        "headers": [(b"host", b"localhost"), (b"cookie", f"soundloom_session={secret}".encode())],
        "client": ("127.0.0.1", 1),
    }
    answer = asyncio.create_task(app(scope, asyncio.Queue[Any]().get, messages.put))
    async with asyncio.timeout(5):
        start = await messages.get()
        headers = dict(start["headers"])
        assert (start["status"], headers[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
        assert b"content-security-policy" in headers
        assert b"queue-counts" in (await messages.get())["body"]
        assert app.state.streams.caps.open_count == 1
        app.state.streams.stop.set()
        await answer
    assert app.state.streams.caps.open_count == 0


async def test_open_pages_are_capped(app: Litestar, ann_browser: httpx.AsyncClient, ann: Identity) -> None:
    held = [await app.state.streams.caps.hold(ann.account_id, f"10.0.0.{n}") for n in range(PER_ACCOUNT)]
    refused = await ann_browser.get("/events?view=queue", headers={"accept": "text/event-stream"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"]
    for release in held:
        release()
