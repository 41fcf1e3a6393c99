"""Reports whether the server can serve, and logs when that changes."""

import asyncio
import logging
from typing import Final

from webapp.database import Database
from webapp.database.patience import Outage
from webapp.database.readiness import Readiness
from webapp.errors import DatabaseAway, StorageAway
from webapp.storage import Storage

STORAGE_ANSWER_S: Final = 1.5

logger = logging.getLogger(__name__)


class ReadinessReporter:
    """Checks that the database answers and has the present schema, and that the storage answers."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._readiness = Readiness(database)
        self._storage = storage
        self._outage = Outage(logger, "the database or the storage")

    async def problem(self) -> str | None:
        """Return why the server is not ready; None if it is."""
        reason = "the database does not answer as it should"
        with self._outage:
            try:
                await self._readiness.require()
                await self._require_storage()
            except (DatabaseAway, StorageAway) as error:
                reason = error.message
                raise
            return None
        return reason

    async def _require_storage(self) -> None:
        """Return if the storage answers soon. Raises StorageAway."""
        try:
            async with asyncio.timeout(STORAGE_ANSWER_S):
                await self._storage.require()
        except TimeoutError as error:
            raise StorageAway("no answer in time") from error
