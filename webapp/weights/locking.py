"""One at a time: who fetches or removes a folder of weights."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.errors import Conflict

LOCKS_FOLDER = ".locks"


@contextmanager
def locked(models_dir: Path, name: str, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a folder's lock while the block runs; it ends with the process, however that ends.

    When somebody else holds it: call `waiting` and wait, or without that raise Conflict.
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
