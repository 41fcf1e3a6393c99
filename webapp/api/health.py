"""Answers whether the process lives, and whether it can serve."""

import logging
from typing import Final

from litestar import Response, get
from litestar.enums import MediaType
from litestar.types import ControllerRouterHandler

from webapp.database.patience import Outage
from webapp.database.readiness import Readiness
from webapp.errors import DatabaseAway

NO_STORE: Final = {"Cache-Control": "no-store"}

logger = logging.getLogger(__name__)


@get("/healthz", media_type=MediaType.TEXT, include_in_schema=False)
async def healthz() -> Response[str]:
    """The process is alive; asks nothing of anybody else."""
    return Response("ok\n", headers=NO_STORE)


def readyz(readiness: Readiness) -> ControllerRouterHandler:
    """Build the readiness handler: 200 when the database has the present schema, otherwise 503 and why."""
    outage = Outage(logger, "the database")

    @get("/readyz", media_type=MediaType.TEXT, include_in_schema=False)
    async def answer() -> Response[str]:
        reason = "the database does not answer as it should"
        with outage:
            try:
                await readiness.require()
            except DatabaseAway as error:
                reason = error.message
                raise
            return Response("ok\n", headers=NO_STORE)
        return Response(f"not ready: {reason}\n", status_code=503, headers=NO_STORE)

    return answer
