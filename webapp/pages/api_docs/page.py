"""Shows the API: from its own description, so that the page cannot say anything else."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

from litestar import Litestar, Response, get, post
from litestar.types import ControllerRouterHandler

from webapp import __version__
from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedAccounts, InjectedSettings
from webapp.http.problem_codes import MEANINGS, anchor_of
from webapp.pages.accounts.authentication import InjectedIdentity, InjectedViewer
from webapp.pages.api_docs.description import Section, sections_of
from webapp.pages.api_docs.samples import TOKEN
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.forms import read_form
from webapp.pages.frame.navigation import PageRequest, server_address
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.services.accounts.identity import Identity

TOKEN_LABEL: Final = "API page"  # noqa: S105 - a name, not a secret
MOST_ADDRESSES: Final = 8
OTHER_VENDORS: Final = ("/v1/", "/v2/")
DESCRIPTION_URL: Final = "/schema/openapi.json"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error's name for programs, and what it means."""

    code: str
    anchor: str
    meaning: str


ERROR_CODES: Final = tuple(ErrorCode(code, anchor_of(code), meaning) for code, meaning in MEANINGS.items())


@dataclass(frozen=True, slots=True)
class ApiPage:
    """`token` is one that was just made, to be shown this once; None shows `placeholder` in the code."""

    template: ClassVar[str] = "api_docs/api.html"

    chrome: Chrome
    server: str
    sections: tuple[Section, ...]
    token: str | None = None
    error: str | None = None
    placeholder: str = TOKEN
    version: str = __version__
    description_url: str = DESCRIPTION_URL
    errors: tuple[ErrorCode, ...] = ERROR_CODES


@get("/docs")
async def show_api(
    request: PageRequest, settings: InjectedSettings, renderer: InjectedRenderer, viewer: InjectedViewer
) -> Response[Any]:
    """Every endpoint, with code to copy."""
    return renderer.page(_page(request, settings.public_url, viewer))


@post("/docs")
async def make_token(
    request: PageRequest,
    settings: InjectedSettings,
    accounts: InjectedAccounts,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """The same with a new token of the account filled in."""
    await read_form(request)
    token, error = None, None
    try:
        token, _ = await accounts.tokens.create(identity.account_id, TOKEN_LABEL)
    except InvalidRequest as refusal:
        error = refusal.message
    return renderer.page(_page(request, settings.public_url, identity, token=token, error=error))


def _page(
    request: PageRequest,
    public_url: str,
    viewer: Identity | None,
    *,
    token: str | None = None,
    error: str | None = None,
) -> ApiPage:
    server = server_address(request, public_url)
    sections = _sections(request.app, server)
    return ApiPage(Chrome("api", viewer), server, sections, token, error)


@lru_cache(maxsize=MOST_ADDRESSES)
def _sections(app: Litestar, server: str) -> tuple[Section, ...]:
    """Read once for each address under which people reach the server; `HostCheck` lets few through."""
    described = app.openapi_schema.to_schema()
    # Those of other vendors are described where their clients' users look.
    paths = {path: item for path, item in described["paths"].items() if not path.startswith(OTHER_VENDORS)}
    return sections_of({**described, "paths": paths}, server)


API_DOCS_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (show_api, make_token)
