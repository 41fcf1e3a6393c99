"""Health checks: whether the process is alive, and whether it can serve."""

from typing import Final

from litestar import Response, get
from litestar.enums import MediaType

from webapp.http.dependencies import InjectedShared

NO_STORE: Final = {"Cache-Control": "no-store"}


@get("/healthz", media_type=MediaType.TEXT, include_in_schema=False)
async def healthz() -> Response[str]:
    """Answer 200 while the process is alive, whatever the state of anything that it depends on."""
    return Response("ok\n", headers=NO_STORE)


@get("/readyz", media_type=MediaType.TEXT, include_in_schema=False)
async def readyz(shared: InjectedShared) -> Response[str]:
    """Answer 200 if the server can serve, otherwise 503 and why not."""
    problem = await shared.readiness.problem()
    if problem is None:
        return Response("ok\n", headers=NO_STORE)
    return Response(f"not ready: {problem}\n", status_code=503, headers=NO_STORE)
