"""A sound is heard while it is made, and goes over to the finished file where it is."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import expect_for_everybody, needs_axe
from tests.browser.library_pages import Player
from tests.browser.pages import Credentials, OpenPage, StartPage, Watch
from tests.worker.scripted import working
from tests.worker.streaming import StreamingEngine
from tools.throwaway_server import ThrowawayServer, throwaway_server
from webapp.engines.base import EngineOutOfMemory
from webapp.services.container import open_services
from webapp.settings import Settings

pytestmark = pytest.mark.slow

SOUND_S = 24
HELD_AT_S = 8
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
# Every position that the bar ever shows.
NOTE_POSITIONS = """() => {
    window.positions = [];
    const input = document.querySelector("#player .seek-input");
    setInterval(() => window.positions.push(Number(input.value)), 50);
}"""

NOTE_NEW_BEGINNINGS = """() => document.getElementById("player-audio").addEventListener("emptied", () => {
    window.begunAnew = true;
})"""


@dataclass
class Bench:
    """A worker whose engine stops half way until it is told to go on, or fails once there."""

    go_on: threading.Event = field(default_factory=threading.Event)
    fails_once: threading.Event = field(default_factory=threading.Event)

    def between(self, index: int) -> None:
        if index != 2 * HELD_AT_S:
            return
        while not self.go_on.wait(0.05):
            if self.fails_once.is_set():
                self.fails_once.clear()
                raise EngineOutOfMemory


@contextmanager
def working_at(folder: Path, bench: Bench) -> Iterator[None]:
    """A worker in a thread of its own, for the server of a folder."""
    ready, done = threading.Event(), threading.Event()

    async def work() -> None:
        settings = Settings(data_dir=str(folder), heartbeat_s=0.1, poll_s=0.1, disk_reserve_mb=0)
        engine = StreamingEngine(bench.between)
        async with open_services(settings) as services, working(services, engine):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        bench.go_on.set()
        done.set()
        thread.join(60)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def server(tmp_path: Path, bench: Bench) -> Iterator[ThrowawayServer]:
    with (
        throwaway_server(folder=tmp_path, workers="0", free_hourly="100") as running,
        working_at(tmp_path, bench),
    ):
        yield running


def ask_and_listen(page: Page, name: str) -> tuple[StartPage, Player]:
    Credentials(page).register(name)
    start, player = StartPage(page), Player(page)
    card = start.ask("sea and wind", duration=SOUND_S)
    page.evaluate(NOTE_POSITIONS)
    card.locator.get_by_role("link", name="Listen now").click()
    player.wait_until("!audio.paused && audio.currentTime > 0.5")
    expect(card.locator.get_by_role("progressbar")).to_be_visible()
    return start, player


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_it_plays_before_it_is_made_and_goes_on_at_the_same_second(
    options: dict[str, object], open_page: OpenPage, bench: Bench
) -> None:
    page = open_page(**options)
    start, player = ask_and_listen(page, "early-bird")
    start.mark()
    expect(player.title).to_have_text("sea and wind")
    assert "/stream" in player.audio("src")
    player.wait_until("audio.currentTime > 2")
    bench.go_on.set()
    start.newest().expect_finished()
    player.wait_until("audio.src.endsWith('.wav') && !audio.paused && audio.currentTime > 2")
    at = player.audio("currentTime")
    player.wait_until(f"audio.currentTime > {at + 1}")
    start.expect_mark()
    positions = [at for at in page.evaluate("window.positions") if at]
    assert positions == sorted(positions)
    steps = [later - sooner for sooner, later in pairwise(positions)]
    assert max(steps) < 1.5
    assert player.audio("duration") == pytest.approx(SOUND_S, abs=0.1)
    # The card of the finished sound is the one that plays now.
    expect(start.newest().button("Pause sea and wind")).to_be_visible()


def test_what_is_made_again_is_said_and_heard_from_its_start(page: Page, bench: Bench, watch: Watch) -> None:
    start, player = ask_and_listen(page, "made-again")
    page.evaluate(NOTE_NEW_BEGINNINGS)
    bench.fails_once.set()
    expect(player.bar.get_by_role("status")).to_contain_text("made again")
    player.wait_until("window.begunAnew && !audio.paused && audio.currentTime > 0.2 && audio.currentTime < 8")
    expect(player.bar.get_by_role("status")).to_have_text("")
    bench.go_on.set()
    start.newest().expect_finished()
    player.wait_until("audio.src.endsWith('.wav') && !audio.paused && audio.currentTime > 0.5")
    watch.forgive("ERR_INCOMPLETE_CHUNKED_ENCODING")


@needs_axe
def test_listening_is_for_everybody(page: Page) -> None:
    ask_and_listen(page, "for-everybody")
    expect_for_everybody(page, "a job that is listened to")
    page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.locator(".queue-row.own").get_by_role("link", name="Pause")).to_be_visible()
    expect_for_everybody(page, "the queue with it")


def test_the_queue_marks_what_its_owner_can_hear(page: Page, open_page: OpenPage) -> None:
    ask_and_listen(page, "in-the-queue")
    page.get_by_role("link", name="Queue", exact=True).click()
    listen = page.locator(".queue-row.own").get_by_role("link", name="Pause")
    expect(listen).to_be_visible()
    listen.click()
    Player(page).wait_until("audio.paused")
    expect(page.locator(".queue-row.own").get_by_role("link", name="Listen now")).to_be_visible()
    stranger = open_page()
    stranger.goto("/queue")
    expect(stranger.locator(".queue-row")).to_have_count(1)
    expect(stranger.get_by_role("link", name="Listen now")).to_have_count(0)
