"""Locks on folders of weights: one process at a time downloads or removes one."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.errors import Conflict

LOCKS_FOLDER = ".locks"


@contextmanager
def locked(models_dir: Path, name: str, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a folder's lock while the block runs; the system releases it if the process dies.

    If another process holds it, call `waiting` and wait; without `waiting`, raise Conflict.
    """
    folder = models_dir / LOCKS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if waiting is None:
                raise Conflict(f"{name} is being fetched or removed by another process") from error
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
