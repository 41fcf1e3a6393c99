"""`soundloom backup` and `soundloom restore`."""

import fcntl
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.cli._context import with_services
from webapp.errors import Conflict
from webapp.policy.library.missing_files import Missing, missing_words
from webapp.services.backup import BackedUp, Restored, back_up, restore
from webapp.services.container import Services, make_data_folder
from webapp.settings import load_settings
from webapp.web.serve import LOCK_FILE


def make(arguments: Namespace) -> int:
    """Write everything into a folder; the server may go on meanwhile."""
    folder = Path(arguments.folder).absolute()

    async def work(services: Services) -> BackedUp:
        return await back_up(services.backup, folder, allow_missing=arguments.allow_missing)

    done = with_services(work)
    size_mb = done.bytes_total / 1_000_000
    print(f"{folder}: {done.sounds} sounds in {done.files} files ({size_mb:.1f} MB), {done.rows} rows")
    _tell_missing(done.missing)
    return 0


def put_back(arguments: Namespace) -> int:
    """Fill this data folder and database from a backup."""
    folder = Path(arguments.folder).absolute()

    async def work(services: Services) -> Restored:
        return await restore(
            services.backup, folder, replace=arguments.replace, allow_missing=arguments.allow_missing
        )

    with _no_server():
        done = with_services(work, begins_anew=True)
    print(f"{done.sounds} sounds and {done.rows} rows of {done.created_at} are back")
    if done.gone:
        print(f"soundloom: {done.gone} sounds were deleted while the backup was made", file=sys.stderr)
    _tell_missing(done.missing)
    return 0


def _tell_missing(missing: Missing) -> None:
    if missing:
        print(f"soundloom: left out: {missing_words(missing)}", file=sys.stderr)


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
