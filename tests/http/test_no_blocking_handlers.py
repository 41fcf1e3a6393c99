"""No handler holds up the event loop: none is synchronous, and none of the main ones takes long at a time."""

import asyncio
import gc
import inspect
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, get
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from tests.factories import FACTS, choice
from tests.shared_app import shared_app
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings

# One step of one task. Rendering the largest page takes some 10 ms; a password hash, a file or a query
# on the loop's own thread would take more than this.
LONGEST_STEP_S = 0.1
# What a handler does it does each time; a page fault or a neighbour on the core comes and goes.
ROUNDS = 3
PAGES = ["/", "/login", "/register", "/queue", "/account", "/quote", "/queue-status", "/api/queue", "/status"]


@pytest.fixture
def database_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    """These tests are about the loop: one database will do."""
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    return ""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, free_hourly=100, free_at_once=20)


@pytest.fixture
def app(services: Services) -> Litestar:
    return shared_app(services)


def handlers(app: Litestar) -> Iterator[BaseRouteHandler]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from route.route_handlers


def blocking(app: Litestar) -> list[str]:
    """The handlers of ours, and the dependencies they are given, that run as plain functions on the loop."""
    found = []
    for handler in handlers(app):
        function = handler.fn
        if function.__module__.startswith("litestar."):
            continue
        if not inspect.iscoroutinefunction(inspect.unwrap(function)):
            found.append(f"{handler.handler_name}")
    return found


def test_no_handler_is_synchronous(app: Litestar) -> None:
    assert len(list(handlers(app))) > 20
    assert blocking(app) == []


def test_a_synchronous_handler_would_be_seen() -> None:
    @get("/sync", sync_to_thread=False)
    def sync_handler() -> str:
        return ""

    assert blocking(Litestar([sync_handler], openapi_config=None)) == ["sync_handler"]


@contextmanager
def longest_step() -> Iterator[Callable[[], float]]:
    """Measures how long the running loop's longest step took, in CPU seconds of its thread.

    CPU time, so that a busy machine does not look like a busy handler; what waits without the CPU
    would wait in a library that the linter's rules on asynchronous code know. No garbage is collected
    meanwhile: how much there is depends on the tests before.
    """
    longest = 0.0
    gc.collect()
    gc.disable()
    original = asyncio.Handle._run  # noqa: SLF001 - the loop has no hook for its steps

    def measured(handle: asyncio.Handle) -> None:
        nonlocal longest
        started = time.thread_time()
        original(handle)
        longest = max(longest, time.thread_time() - started)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", measured)
            yield lambda: longest
    finally:
        gc.enable()


async def signed_in(app: Litestar) -> httpx.AsyncClient:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)),
        base_url="http://localhost",
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )
    await client.post("/register", data={"username": "ann", "password": "correct horse"})
    return client


async def test_no_page_takes_the_loop_for_long(app: Litestar, services: Services) -> None:
    client = await signed_in(app)
    account = await services.accounts.registry.find("ann")
    for _ in range(2):
        await services.queue.submissions.submit(account.identity, choice())
    for path in PAGES:  # templates are compiled on first use
        await client.get(path)
    longest = []
    for _ in range(ROUNDS):
        with longest_step() as measured:
            for path in PAGES:
                assert (await client.get(path)).status_code in {200, 303}, path
            await client.post("/login", data={"username": "ann", "password": "correct horse"})
        longest.append(measured())
    assert min(longest) < LONGEST_STEP_S


async def test_a_handler_that_blocks_would_be_seen() -> None:
    async def busy() -> None:
        until = time.thread_time() + 2 * LONGEST_STEP_S
        while time.thread_time() < until:
            pass

    work: Coroutine[Any, Any, None] = busy()
    with longest_step() as measured:
        await asyncio.create_task(work)
    assert measured() >= LONGEST_STEP_S


# What waits for the disk, the network, another process or the clock, by the names under which Python
# audits it (PEP 578).
WAITING_EVENTS = frozenset(
    {"open", "sleep", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo",
     "sqlite3.connect", "subprocess.Popen", "fcntl.flock", "shutil.rmtree"}
)  # fmt: skip


class WaitWatch:
    """Notes what a thread does that waits. An audit hook stays for good, so it is made once and switched."""

    def __init__(self) -> None:
        self._thread: int | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(self) -> Iterator[list[str]]:
        self.seen = []
        self._thread = threading.get_ident()
        with pytest.MonkeyPatch.context() as patch:
            # Audited from CPython 3.13 on only.
            patch.setattr(time, "sleep", lambda seconds: self._hook("sleep", (seconds,)))
            try:
                yield self.seen
            finally:
                self._thread = None

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in WAITING_EVENTS and threading.get_ident() == self._thread:
            self.seen.append(f"{event} {arguments[:1]}")


@pytest.fixture(scope="session")
def wait_watch() -> WaitWatch:
    return WaitWatch()


async def finished_sound(services: Services, identity: Identity) -> str:
    """The address of a sound that is there, with a file of a few bytes."""
    await services.queue.submissions.submit(identity, choice())
    claim = await services.queue.leases.claim("1" * 12, frozenset())
    assert claim is not None
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF0000")
    await services.storage.publish(claim.storage_key, staged)
    await services.queue.leases.complete(claim, FACTS)
    return f"/audio/{claim.generation_id}.wav"


async def test_no_handler_waits_on_the_loops_thread(
    app: Litestar, services: Services, wait_watch: WaitWatch
) -> None:
    client = await signed_in(app)
    account = await services.accounts.registry.find("ann")
    token, _ = await services.accounts.tokens.create(account.account_id)
    bearer = {"authorization": f"Bearer {token}", "accept": "application/json"}
    sound = await finished_sound(services, account.identity)

    async def everything() -> None:
        for path in PAGES:
            assert (await client.get(path)).status_code in {200, 303}, path
        await client.post("/login", data={"username": "ann", "password": "correct horse"})
        answer = await client.post("/generate", json={"prompt": "rain"}, headers=bearer)
        assert answer.status_code == 201
        job = answer.headers["location"]
        assert (await client.get(job, headers=bearer)).status_code == 200
        assert (await client.post(f"/api/queue{job.removeprefix('/job')}/cancel", headers=bearer)).is_success
        assert (await client.get(sound, headers={"range": "bytes=0-3"})).status_code == 206
        assert (await client.get("/healthz")).status_code == 200

    await everything()  # templates are read and modules imported on first use
    with wait_watch.watching() as waits:
        await everything()
    assert waits == []


def test_waiting_would_be_seen(wait_watch: WaitWatch, tmp_path: Path) -> None:
    with wait_watch.watching() as waits:
        time.sleep(0)
        (tmp_path / "file").write_bytes(b"")
    assert [wait.split()[0] for wait in waits] == ["sleep", "open"]
