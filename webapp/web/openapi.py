"""The description of the API for programs, and its page for people."""

from typing import Any

from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme

from webapp import __version__
from webapp.pages.rendering import Renderer
from webapp.pages.schema import SchemaPage

BEARER = "bearer"


class LocalSchemaPage(OpenAPIRenderPlugin):
    """The page at `/schema`: our own template around scripts that we serve ourselves."""

    def __init__(self, renderer: Renderer) -> None:
        super().__init__(path="/")
        self._renderer = renderer

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        del openapi_schema  # the page fetches it from its own address
        return self._renderer.render(SchemaPage(self.get_openapi_json_route(request))).encode()


def openapi_config(renderer: Renderer) -> OpenAPIConfig:
    """OpenAPI 3.1 at `/schema/openapi.json`, and the page at `/schema`."""
    return OpenAPIConfig(
        title="Soundloom",
        version=__version__,
        summary="Type what you want to hear, wait in a fair queue, keep the sound.",
        description="Errors are `application/problem+json` with the exact text in `error`.",
        license=License(name="MIT", identifier="MIT"),
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json"), LocalSchemaPage(renderer)],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                BEARER: SecurityScheme(
                    type="http", scheme="bearer", description="A token from `POST /api/auth/token`."
                )
            }
        ),
    )
