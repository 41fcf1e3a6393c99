"""`soundloom serve`: the web server and its local workers, from start to stop."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from webapp import tracing
from webapp.database.patience import until_there
from webapp.errors import SettingsError, StorageFull
from webapp.http.requests.client_address import trusted_networks
from webapp.http.requests.public_url import public_url
from webapp.logs import configure_logging, leave_out_injected
from webapp.services.container import Services, make_data_folder, open_services
from webapp.services.opening import FOR_EVER
from webapp.settings import Settings
from webapp.stopping import end_for_certain
from webapp.surroundings import tell
from webapp.web.app import create_app
from webapp.web.door import Door
from webapp.web.housekeeping import keep_counts, notice_changes, repair, sweep, tidy
from webapp.web.protocol import BoundedProtocol
from webapp.web.supervisor import EXIT_SETTINGS, SPEECH_COMMAND, SPEECH_NICENESS, Supervisor

logger = logging.getLogger(__name__)

LOCK_FILE = "serve.lock"
BACKLOG = 2048
# Time for requests in hand once the server stops; the whole stop takes under 10 seconds.
GRACEFUL_S = 3


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises SettingsError."""
    configure_logging(settings)
    leave_out_injected(os.environ)
    tracing.configure(os.environ, "web")
    trusted_networks(settings.trusted_proxies)
    public_url(settings)
    make_data_folder(settings)
    with _only_server(settings), _listening(settings) as listener:
        try:
            return uvloop.run(_serve(settings, listener))
        finally:
            tracing.close()


async def _serve(settings: Settings, listener: socket.socket) -> int:
    """Serve until stopped; the exit code.

    The server answers from the first moment on, be it that the service is not there yet, so that whoever
    watches the process does not take one that waits for its database for a dead one.
    """
    door = Door()
    server = _Server(_server_config(door))
    stop = _Stop()
    stop.add(lambda: setattr(server, "should_exit", True))
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    working = asyncio.create_task(_work(settings, listener, door, stop, serving))
    # Before there is anything to finish, a start is just given up.
    stop.add(lambda: door.is_open or working.cancel())
    try:
        return await working
    except asyncio.CancelledError:
        return 0
    finally:
        server.should_exit = True
        await serving


async def _work(
    settings: Settings, listener: socket.socket, door: Door, stop: "_Stop", serving: asyncio.Task[None]
) -> int:
    """Open the services, then supervise and keep house until the server has stopped; the exit code."""
    async with open_services(settings, owns_event_socket=True, wait_s=FOR_EVER) as services:
        await until_there(lambda: _put_right(services))
        app = create_app(services)
        # What stays for good need not be gone through again and again to find what does not.
        gc.collect()
        gc.freeze()
        supervisors = _supervisors(services, on_refusal=stop)
        for act in (*(supervisor.stop for supervisor in supervisors), services.speech.requests.stop):
            stop.add(act)
        stop.add(app.state.streams.stop.set)
        secret = await until_there(lambda: _setup_secret(services))
        door.open(app)
        _announce(settings, listener, secret)
        works = (
            sweep(services, app.state.lapsed_leases.inc), tidy(services), notice_changes(services),
            keep_counts(app.state.streams.caps.counts), keep_counts(app.state.streams.sounds.counts),
        )  # fmt: skip
        background = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.gather(serving, *(supervisor.run() for supervisor in supervisors))
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
        return EXIT_SETTINGS if any(supervisor.was_refused for supervisor in supervisors) else 0


async def _put_right(services: Services) -> None:
    """Repair what a crash may have left, and put room aside; on a full disk, as far as it goes."""
    try:
        await repair(services)
    except StorageFull:
        logger.warning("the disk is full; what a crash may have left is put right by a later start")
    await services.database.keep_reserve(is_start=True)


async def _setup_secret(services: Services) -> str | None:
    try:
        return await services.accounts.setup_links.renew()
    except StorageFull:
        logger.warning("the disk is full, so there is no set-up link; make room and start again")
        return None


class _Stop:
    """Stops everything that was added, within the time that a stop may take."""

    def __init__(self) -> None:
        self._acts: list[Callable[[], object]] = []

    def add(self, act: Callable[[], object]) -> None:
        self._acts.append(act)

    def __call__(self) -> None:
        end_for_certain()
        for act in self._acts:
            act()


def _server_config(app: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACEFUL_S,
        lifespan="off",
        http=BoundedProtocol,
        ws="none",
    )


def _supervisors(services: Services, *, on_refusal: Callable[[], object]) -> tuple[Supervisor, Supervisor]:
    """Those of the local workers, and of the local speech workers; without the first there are no others."""
    settings = services.settings
    return (
        Supervisor(services, settings.workers, on_refusal=on_refusal),
        Supervisor(
            services,
            settings.speech_workers if settings.workers else 0,
            on_refusal=on_refusal,
            command=SPEECH_COMMAND,
            niceness=SPEECH_NICENESS,
            take_back=services.speech.leases.take_back_from,
            kind="speech",
        ),
    )


class _Server(uvicorn.Server):
    """Uvicorn, with the signals left to us: they stop the workers as well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _only_server(settings: Settings) -> Iterator[None]:
    """Hold the data folder's lock. Raises SettingsError when another server does."""
    with (settings.data_path / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                f"Another Soundloom server is using {settings.data_path}; stop it or set SOUNDLOOM_DATA_DIR."
            ) from error
        yield


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket that listens where the settings say. Raises SettingsError when it cannot."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except (OSError, UnicodeError) as error:
            raise SettingsError(
                f"Cannot listen on {settings.host} port {settings.port} ({error}); "
                "set SOUNDLOOM_HOST or SOUNDLOOM_PORT."
            ) from error
        # Connections inherit it. Without, the body of an answer may wait 40 ms for the head to be confirmed.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.listen(BACKLOG)
        yield listener


def _announce(settings: Settings, listener: socket.socket, secret: str | None) -> None:
    """Say where the server is and, with the secret of a set-up link, how to make the first admin."""
    host, port = listener.getsockname()[:2]
    shown_host = f"[{host}]" if ":" in host else host
    base = settings.public_url.rstrip("/") or f"http://{shown_host}:{port}"
    tell(f"Soundloom is at {base}")
    if secret is not None:
        tell(f"Make the admin account at {base}/setup?token={secret}")
