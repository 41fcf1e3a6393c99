"""The JSON API."""

from typing import Final

from litestar.types import ControllerRouterHandler

API_CONTROLLERS: Final[tuple[ControllerRouterHandler, ...]] = ()
