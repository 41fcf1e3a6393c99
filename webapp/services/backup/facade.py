"""The services of backups, wired together."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.storage import Storage


@dataclass(frozen=True, slots=True)
class BackupServices:
    """The data of an installation: every row and every file."""

    database: Database
    storage: Storage
    clock: Clock
