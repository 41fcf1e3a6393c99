"""A server for tests that speak over a socket: the real application and uvicorn, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvicorn
from litestar import Litestar

from tests.api.client import Hand
from tests.factories import FACTS, choice
from webapp.clock import SystemClock
from webapp.database import Database, engine_from
from webapp.events import LocalBus
from webapp.ids import RandomIds
from webapp.policy.library.fields import PlaylistChange
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.passwords import Argon2Hash, PasswordHasher
from webapp.services.container import Services, build_services
from webapp.services.speech import VoiceView
from webapp.services.speech.leases import SpeechNews
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.web.app import create_app
from webapp.web.protocol import BoundedProtocol

# So many jobs are left waiting, so that there is something to cancel and to skip.
LEFT_WAITING = 3
# High enough that no number of requests reaches them.
LIMITS_LIFTED: Final = {
    "queue_limit": 10**6, "creator_hourly": 10**6, "creator_at_once": 10**6, "cancel_hourly": 10**6,
    "skip_hourly": 10**6, "sign_in_per_account": 10**6, "sign_in_per_address": 10**6,
    "register_per_address": 10**6, "misses_per_address": 10**6, "wrong_tokens_per_address": 10**6,
    "creator_speech_hourly": 10**6, "vote_hourly": 10**6, "favorite_hourly": 10**6,
    "searches_per_address": 10**6, "upload_hourly": 10**6,
}  # fmt: skip
# There from the start.
FIRST_JOBS = 10
SPEECH_WORKER, VOICE = "5" * 12, "espeak-en-us"


class LiveServer:
    """Where it listens, whose tokens are good there, and the jobs, sounds and playlist that it has."""

    def __init__(self, settings: Settings) -> None:
        self.port = 0
        self.app: Litestar | None = None
        self.token = ""
        self.admin_token = ""
        self.playlist = ""
        self.jobs: list[str] = []
        self.ended: list[str] = []
        self.sounds: list[str] = []
        self.failure: BaseException | None = None
        self._settings = settings
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it listens."""
        self._thread.start()
        assert self._ready.wait(30)
        if self.failure:
            raise self.failure

    def stop(self) -> None:
        """Stop and wait until it has; raise what went wrong on the way."""
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.failure:
            raise self.failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - it is raised where the test can see it
            self.failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        database = Database(engine_from(self._settings))
        await database.open()
        try:
            services = _services(self._settings, database)
            await self._make_account(services)
            app = self.app = create_app(services)
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(128)
                self.port = listener.getsockname()[1]
                config = uvicorn.Config(
                    app, http=BoundedProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
                    server_header=False, timeout_graceful_shutdown=1,
                )  # fmt: skip
                server = _Server(config)
                drained = asyncio.Event()
                draining = asyncio.create_task(self._drain(services, drained))
                speaking = asyncio.create_task(speak_by_hand(services))
                await asyncio.wait_for(drained.wait(), 30)
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                self._ready.set()
                await self._stop.wait()
                app.state.streams.stop.set()
                server.should_exit = True
                await serving
                for task in (draining, speaking):
                    task.cancel()
                await asyncio.gather(draining, speaking, return_exceptions=True)
        finally:
            await database.close()

    async def _make_account(self, services: Services) -> None:
        identity = await services.accounts.registry.register("live", "correct horse", address="test")
        await services.accounts.registry.set_tier(identity.account_id, "creator")
        await services.accounts.aura.grant(identity.account_id, 1_000_000, reason="test", author="root")
        self.token, _ = await services.accounts.tokens.create(identity.account_id)
        made = await services.library.playlists.create(identity, PlaylistChange("Night"))
        self.playlist = made.playlist_id
        admin = await services.accounts.registry.register("root", "correct horse", address="test")
        await services.accounts.registry.set_admin(admin.account_id, is_admin=True)
        self.admin_token, _ = await services.accounts.tokens.create(admin.account_id)
        for _ in range(FIRST_JOBS):
            await services.queue.submissions.submit(replace(identity, tier="creator"), choice())

    async def _drain(self, services: Services, drained: asyncio.Event) -> None:
        """Finish what waits, but for a few; every fifth job fails."""
        hand = Hand(services)
        with services.bus.subscribe() as hints:
            while True:
                snapshot = await services.queue.reader.snapshot()
                self.jobs = [*self.ended[-5:], *(job.job_id for job in snapshot.jobs)]
                if len(snapshot.jobs) <= LEFT_WAITING:
                    drained.set()
                    await hints.wait(1)
                    continue
                claim = await services.queue.leases.claim("b" * 12)
                if claim is None:
                    continue
                if len(self.ended) % 5 == 4:
                    await hand.fail(claim)
                else:
                    await hand.complete(claim)
                    self.sounds.append(claim.generation_id)
                self.ended.append(claim.job_id)


async def speak_by_hand(services: Services) -> None:
    """A speech worker whose sounds are all alike, for ever."""
    await services.workers.registry.register(SPEECH_WORKER, host="test", pid=1, device="cpu", kind="speech")
    await services.models.voices.write(
        SPEECH_WORKER, [VoiceView(VOICE, "Test", "en-US", "basic", 22_050, "", "", "espeak-ng")]
    )
    leases = services.speech.leases
    with services.bus.subscribe() as hints:
        while True:
            await leases.keep(SPEECH_WORKER, [])
            while (claim := await leases.claim(SPEECH_WORKER, [VOICE])) is not None:
                staged = services.storage.staging_folder()
                (staged / "sound.wav").write_bytes(b"RIFF")
                await services.storage.publish(claim.storage_key, staged)
                if claim.stream_format:
                    # All of it, and its end.
                    await leases.record_progress(claim, SpeechNews(1, 1, 0, (b"RIFF", b"")))
                await leases.complete(claim, FACTS)
            await hints.wait(1)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to pytest."""
        yield


def _services(settings: Settings, database: Database) -> Services:
    clock, hasher = SystemClock(), PasswordHasher(Argon2Hash(memory_kib=64, passes=1))
    storage = LocalStorage(settings.data_path)
    services = build_services(settings, database, LocalBus(clock), storage, clock, RandomIds())
    accounts = Accounts(database, clock, settings, services.shared.rate_limits, hasher)
    return replace(services, accounts=replace(services.accounts, registry=accounts))


@contextmanager
def live_server(data_dir: Path, database_url: str, **limits: Any) -> Iterator[LiveServer]:
    """A server over a migrated database, with a worker that drains its queue; limits are settings."""
    settings = Settings(data_dir=str(data_dir), database_url=database_url, disk_reserve_mb=0, **limits)
    server = LiveServer(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
