"""`soundloom backup` and `soundloom restore`."""

import fcntl
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.cli._context import with_services
from webapp.errors import Conflict
from webapp.services.backup import BackedUp, Restored, back_up, restore
from webapp.services.container import Services, make_data_folder
from webapp.settings import load_settings
from webapp.web.serve import LOCK_FILE


def make(arguments: Namespace) -> int:
    """Write everything into a folder; the server may go on meanwhile."""
    folder = Path(arguments.folder).absolute()

    async def work(services: Services) -> BackedUp:
        return await back_up(services, folder)

    done = with_services(work)
    size_mb = done.bytes_total / 1_000_000
    print(f"{folder}: {done.sounds} sounds in {done.files} files ({size_mb:.1f} MB), {done.rows} rows")
    return 0


def put_back(arguments: Namespace) -> int:
    """Fill this data folder and database from a backup."""
    folder = Path(arguments.folder).absolute()

    async def work(services: Services) -> Restored:
        return await restore(services, folder, replace=arguments.replace)

    with _no_server():
        done = with_services(work, begins_anew=True)
    print(f"{done.sounds} sounds and {done.rows} rows of {done.created_at} are back")
    return 0


@contextmanager
def _no_server() -> Iterator[None]:
    """Keep servers off this data folder. Raises Conflict while one is running."""
    settings = load_settings()
    make_data_folder(settings)
    with (settings.data_path / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"A Soundloom server is using {settings.data_path}; stop it first") from error
        yield
