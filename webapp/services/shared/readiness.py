"""Reports whether the server can serve, and logs when that changes."""

import logging

from webapp.database import Database
from webapp.database.patience import Outage
from webapp.database.readiness import Readiness
from webapp.errors import DatabaseAway

logger = logging.getLogger(__name__)


class ReadinessReporter:
    """Checks that the database answers and has the present schema."""

    def __init__(self, database: Database) -> None:
        self._readiness = Readiness(database)
        self._outage = Outage(logger, "the database")

    async def problem(self) -> str | None:
        """Return why the server is not ready; None if it is."""
        reason = "the database does not answer as it should"
        with self._outage:
            try:
                await self._readiness.require()
            except DatabaseAway as error:
                reason = error.message
                raise
            return None
        return reason
