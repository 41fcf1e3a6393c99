"""Whether the process lives, and whether it can serve."""

import logging

from litestar import Response, get
from litestar.enums import MediaType

from webapp.database import is_migrated
from webapp.http.dependencies import InjectedServices

NO_STORE = {"Cache-Control": "no-store"}

logger = logging.getLogger(__name__)


@get("/healthz", media_type=MediaType.TEXT, include_in_schema=False)
async def healthz() -> Response[str]:
    """The process is alive; asks nothing of anybody else."""
    return Response("ok\n", headers=NO_STORE)


@get("/readyz", media_type=MediaType.TEXT, include_in_schema=False)
async def readyz(services: InjectedServices) -> Response[str]:
    """The database answers and has the present schema; 503 otherwise."""
    try:
        ready = await is_migrated(services.database)
    except Exception:
        logger.warning("the database does not answer", exc_info=True)
        ready = False
    return Response("ok\n" if ready else "not ready\n", status_code=200 if ready else 503, headers=NO_STORE)
