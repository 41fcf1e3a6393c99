"""The pages: server-rendered HTML over the services."""

from typing import Final

from litestar import Router
from litestar.types import ControllerRouterHandler

PAGE_CONTROLLERS: Final[tuple[ControllerRouterHandler, ...]] = ()


def page_router() -> Router:
    """All pages; errors in them are shown as pages too."""
    return Router(path="/", route_handlers=PAGE_CONTROLLERS, opt={"page": True}, include_in_schema=False)
