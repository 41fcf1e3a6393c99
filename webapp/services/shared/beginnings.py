"""A guard against creating an empty database beside existing sounds or in place of a lost database."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from webapp.errors import DatabaseUnusable
from webapp.settings import Settings

# Shows that this folder had a database, in case the database itself is gone.
MARK: Final = "database.made"
MARK_TEXT: Final = (
    "Soundloom has made a database in this folder. While this file is here it makes no other one, should that"
    " one be missing, but asks for a backup to be restored.\n"
)


class Beginnings:
    """Decides whether a data folder may get an empty database. `are_allowed` permits it unconditionally."""

    def __init__(self, settings: Settings, *, are_allowed: bool) -> None:
        self._sounds = settings.data_path / "sounds"
        self._mark = settings.data_path / MARK
        self._is_sqlite = not settings.database_url
        self.are_allowed = are_allowed

    def require_file(self, path: Path) -> None:
        """Raise DatabaseUnusable if SQLite's file is missing or empty although there has been one."""
        try:
            is_there = path.stat().st_size > 0
        except FileNotFoundError:
            is_there = False
        if not is_there:
            self.require_none()

    def require_none(self) -> None:
        """Raise DatabaseUnusable if there has been another database, or if there are sounds."""
        left = []
        if any(self._sounds.glob("??/*")):
            left.append(self._sounds)
        if self._is_sqlite and self._mark.exists():
            left.append(self._mark)
        if self.are_allowed or not left:
            return
        missing = "is missing" if self._is_sqlite else "of SOUNDLOOM_DATABASE_URL is empty"
        raise DatabaseUnusable(
            f"The database {missing}, but this installation had one: there is {' and '.join(map(str, left))}."
            " Put the database back, or restore a backup: soundloom restore FOLDER --replace. To begin anew"
            " without it, choose another SOUNDLOOM_DATA_DIR or move away what is left."
        )

    def record(self) -> None:
        """Record that there is a database now."""
        # A full disk may have no space for the mark; sounds show the same without it.
        with suppress(OSError):
            if not self._mark.exists():
                self._mark.write_text(MARK_TEXT, encoding="utf-8")
