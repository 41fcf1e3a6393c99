"""Answers whether the process lives, and whether it can serve."""

import asyncio
import logging
from typing import Final

from litestar import Response, get
from litestar.enums import MediaType
from litestar.types import ControllerRouterHandler

from webapp.database.patience import Outage
from webapp.database.readiness import Readiness
from webapp.errors import DatabaseAway, StorageAway
from webapp.storage import Storage

NO_STORE: Final = {"Cache-Control": "no-store"}
STORAGE_ANSWER_S: Final = 1.5

logger = logging.getLogger(__name__)


@get("/healthz", media_type=MediaType.TEXT, include_in_schema=False)
async def healthz() -> Response[str]:
    """The process is alive; asks nothing of anybody else."""
    return Response("ok\n", headers=NO_STORE)


def readyz(readiness: Readiness, storage: Storage) -> ControllerRouterHandler:
    """Build the readiness handler: 200 when the database has the present schema and the storage answers,
    otherwise 503 and why.
    """
    outage = Outage(logger, "the database or the storage")

    @get("/readyz", media_type=MediaType.TEXT, include_in_schema=False)
    async def answer() -> Response[str]:
        reason = "the database does not answer as it should"
        with outage:
            try:
                await readiness.require()
                await _require(storage)
            except (DatabaseAway, StorageAway) as error:
                reason = error.message
                raise
            return Response("ok\n", headers=NO_STORE)
        return Response(f"not ready: {reason}\n", status_code=503, headers=NO_STORE)

    return answer


async def _require(storage: Storage) -> None:
    """Return if the storage answers soon. Raises StorageAway."""
    try:
        async with asyncio.timeout(STORAGE_ANSWER_S):
            await storage.require()
    except TimeoutError as error:
        raise StorageAway("no answer in time") from error
