"""The description of the API for programs."""

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server

from webapp import __version__
from webapp.http.requests.public_url import public_url
from webapp.http.requests.session_cookie import cookie_name
from webapp.settings import Settings

BEARER = "bearer"
SESSION = "session"
KEY = "xi-api-key"


def openapi_config(settings: Settings) -> OpenAPIConfig:
    """OpenAPI 3.1 at `/schema/openapi.json`; people read `/docs`, which is made from it."""
    return OpenAPIConfig(
        title="Soundloom",
        version=__version__,
        summary="Type what you want to hear, wait in a fair queue, keep the sound.",
        description="Errors are `application/problem+json` with the exact text in `error`.",
        license=License(name="MIT", identifier="MIT"),
        path="/schema",
        servers=[Server(url=public_url(settings).prefix or "/")],
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                BEARER: SecurityScheme(
                    type="http", scheme="bearer", description="A token from `POST /api/auth/token`."
                ),
                KEY: SecurityScheme(
                    type="apiKey",
                    name=KEY,
                    security_scheme_in="header",
                    description="The same token, as ElevenLabs' clients send it; only for their routes.",
                ),
                SESSION: SecurityScheme(
                    type="apiKey",
                    name=cookie_name(settings),
                    security_scheme_in="cookie",
                    description="The session of a browser that is signed in, for its own pages.",
                ),
            }
        ),
    )
