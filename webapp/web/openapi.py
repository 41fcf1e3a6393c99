"""The description of the API for programs."""

from typing import Any, Final

from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Contact, License, SecurityScheme, Server, Tag

from webapp import __version__
from webapp.http.requests.public_url import public_url
from webapp.http.requests.session_cookie import cookie_name
from webapp.settings import Settings
from webapp.web.openapi_tidy import tidied_description
from webapp.web.operation_ids import operation_id

AnyRequest = Request[Any, Any, Any]

BEARER = "bearer"
SESSION = "session"
KEY = "xi-api-key"

TAGS: Final = {
    "Generation": "Sounds from texts: submitting jobs and following them.",
    "Queue": "The queue, and what an account may do to its own jobs in it.",
    "Files": "Sounds and their pictures.",
    "Uploads": "Sounds that are sent in, to be used by jobs.",
    "Library": "Finished sounds: finding, naming, publishing and rating them.",
    "Playlists": "Ordered lists of sounds.",
    "Speech": "Voices, and texts spoken with them.",
    "Accounts": "Accounts and their tokens.",
    "Moderation": "What admins do about published sounds.",
    "Status": "The state of the service.",
    "OpenAI": "For OpenAI's clients, unchanged.",
    "ElevenLabs": "For ElevenLabs' clients, unchanged.",
}


class TidyJson(JsonRenderPlugin):
    """Writes the description as generators of clients like it."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        """Return the description as JSON."""
        return self.render_json(request, tidied_description(openapi_schema))


def openapi_config(settings: Settings) -> OpenAPIConfig:
    """OpenAPI 3.1 at `/schema/openapi.json`; people read `/docs`, which is made from it."""
    return OpenAPIConfig(
        title="Soundloom",
        version=__version__,
        summary="Type what you want to hear, wait in a fair queue, keep the sound.",
        description="Errors are `application/problem+json` with the exact text in `error`.",
        license=License(name="MIT", identifier="MIT"),
        contact=Contact(name="Whoever runs this server"),
        tags=[Tag(name=name, description=description) for name, description in TAGS.items()],
        operation_id_creator=operation_id,
        path="/schema",
        servers=[Server(url=public_url(settings).prefix or "/")],
        render_plugins=[TidyJson(path="/openapi.json")],
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
