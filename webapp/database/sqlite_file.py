"""SQLite's file while it is in use: whether it is still the one in the data folder, and whole.

SQLite goes on writing to a file that somebody deleted, and all of it is lost with the last connection.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from webapp.errors import DatabaseDamaged, DatabaseGone

# SQLite's log, and what its processes share about it: their locks are in there.
BESIDE: Final = ("-wal", "-shm")

# Device and number of a file; None where there is none, or an emptied one.
Identity = tuple[int, int] | None
NOT_SEEN: Final[Identity] = None


class DatabaseFile:
    """The file of one database, shared by the connections of a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = {path.with_name(path.name + suffix): NOT_SEEN for suffix in BESIDE}
        self._identity: Identity = None
        self._damage: str | None = None

    def opened(self) -> None:
        """A connection has just been made: from now on the file must stay the same."""
        if self._identity is None:
            self._identity = _identity(self.path)

    def check(self) -> None:
        """Raise DatabaseGone for a file that was moved or replaced, and DatabaseDamaged for a broken one.

        It costs a few microseconds, so it may be done for every statement.
        """
        self.check_itself()
        if self._identity is None:
            return
        for path, known in self._beside.items():
            identity = _identity(path, may_be_empty=True)
            if known is None:
                # SQLite makes it with the first access, and keeps it as long as there is a connection.
                self._beside[path] = identity
            elif identity != known:
                raise DatabaseGone(f"{path} is not the file that was opened")

    def check_itself(self) -> None:
        """Do as `check` does, but look only at the file itself: enough for what reads no row of it."""
        if self._damage is not None:
            raise DatabaseDamaged(self._damage)
        if self._identity is not None and _identity(self.path) != self._identity:
            raise DatabaseGone(f"{self.path} is not the file that was opened, or is empty now")

    @contextmanager
    def noting_damage(self) -> Iterator[None]:
        """Remember if the block finds the file damaged: nothing more is written to it, nor read from it."""
        try:
            yield
        except DatabaseDamaged as error:
            self._damage = error.reason
            raise


def _identity(path: Path, *, may_be_empty: bool = False) -> Identity:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path's, and it is asked for every statement
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size or may_be_empty else None
