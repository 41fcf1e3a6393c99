"""The queries of lists of sounds, and the links to their next pages."""

from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter, SkipValidation

from webapp.api.accounts.authentication import ADDRESS, provide_identity
from webapp.api.library.schemas import LibraryPageBody
from webapp.http.dependencies import (
    InjectedAccounts,
    InjectedLibrary,
    InjectedSettings,
    InjectedShared,
)
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import BEARER_SECURITY, header
from webapp.http.requests.query import only
from webapp.http.requests.searches import count_search
from webapp.policy.library.fields import (
    DEFAULT_PER_PAGE,
    MAX_PAGE,
    MAX_PER_PAGE,
    SORT_OF_NAME,
    LibraryModel,
    LibraryQuery,
    SortName,
    duration_bounds,
)
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices
from webapp.services.library.views import LibraryPage

# What an address says of a list but for how much of it is to be sent.
LIST_PARAMETERS: Final = frozenset(
    {"model", "min_duration", "max_duration", "owner", "q", "search", "sort", "show"}
)

SELECTING: Final = ("model", "min_duration", "max_duration", "owner", "q", "search", "sort")
ONLY_LISTING: Final = only(*SELECTING, "page", "per_page", "cursor")

AnyRequest = Request[Any, Any, Any]
SoundId = Annotated[str, PathParameter(description="The sound's id, 20 lower-case hex digits.")]
InjectedQuery: TypeAlias = NamedDependency[SkipValidation[LibraryQuery]]
InjectedReader: TypeAlias = NamedDependency[SkipValidation[Identity | None]]
LINK: Final = header(
    "Where the next part of the list is, if there is one (RFC 8288).",
    '</api/library?cursor=TtVKM0PjbQnCk4x9mkW5N0TxPzcyTlq3Ih5dP0s>; rel="next"',
)


def provide_selection(
    model: Annotated[LibraryModel | None, QueryParameter(description="Only sounds of this model.")] = None,
    min_duration: Annotated[float | None, QueryParameter(description="In seconds.")] = None,
    max_duration: Annotated[float | None, QueryParameter(description="In seconds.")] = None,
    owner: Annotated[
        str | None, QueryParameter(description="Only sounds of the account with this username.")
    ] = None,
    q: Annotated[
        str | None,
        QueryParameter(description="Beginnings of words of prompt, title or tags; all must match."),
    ] = None,
    search: Annotated[str | None, QueryParameter(description="The same as `q`.")] = None,
    sort: Annotated[
        SortName | None,
        QueryParameter(
            description="Highest first. Without it: the newest first, after what a search finds in titles."
            " `recent` is `created`, `popular` is `plays`, `rating` is `votes`."
        ),
    ] = None,
) -> LibraryQuery:
    """A list of what is asked for, from its beginning. Raises InvalidRequest."""
    low, high = duration_bounds(min_duration, max_duration)
    return LibraryQuery(
        model=model,
        min_duration_s=low,
        max_duration_s=high,
        owner=owner or None,
        search=(q or search or "").strip() or None,
        sort=None if sort is None else SORT_OF_NAME[sort],
        has_snippets=True,
    )


def provide_listing(
    request: AnyRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    shared: InjectedShared,
    selection: InjectedQuery,
    page: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="Counted from 1.")] = 1,
    per_page: Annotated[
        int, QueryParameter(ge=1, le=MAX_PER_PAGE, description="Sounds on one page.")
    ] = DEFAULT_PER_PAGE,
    cursor: Annotated[
        str | None,
        QueryParameter(
            description="From the `Link` of an answer: goes on behind its last item, whatever was added"
            " since. `page` does not count then; `per_page` may change, the rest of the list may not."
        ),
    ] = None,
) -> LibraryQuery:
    """The part of it that is asked for. Raises InvalidRequest, and LimitReached for too many searches."""
    after = library.cursors.read(cursor, _list_name(request)) if cursor else None
    listing = replace(selection, page=page, per_page=per_page, after=after)
    count_search(request, settings, shared, listing)
    return listing


async def provide_reader(
    request: AnyRequest, settings: InjectedSettings, accounts: InjectedAccounts
) -> Identity | None:
    """The account behind the token, None where none was sent.

    Raises AuthenticationRequired and LimitReached for a wrong one.
    """
    if "authorization" not in request.headers:
        return None
    return await provide_identity(request, settings, accounts)


SELECTION: Final = {"selection": Provide(provide_selection, sync_to_thread=False)}
LISTING: Final = SELECTION | {"listing": Provide(provide_listing, sync_to_thread=False)}
READER: Final = {"reader": Provide(provide_reader), **ADDRESS}
# Answered to those who send a token and to those who do not.
OPTIONAL_SECURITY: Final[list[dict[str, list[str]]]] = [{}, *BEARER_SECURITY]


def listed(request: AnyRequest, library: LibraryServices, page: LibraryPage) -> Response[LibraryPageBody]:
    """The answer with part of a list; its `Link` leads to the next part."""
    return Response(LibraryPageBody.of(page), headers=next_link(request, library, page))


def next_link(request: AnyRequest, library: LibraryServices, page: LibraryPage) -> dict[str, str]:
    """The header that leads to the next part of a list, if there is one."""
    if page.next is None:
        return {}
    kept = [(name, value) for name, value in _sent(request) if name not in ("page", "cursor")]
    cursor = library.cursors.written(page.next, _list_name(request))
    return {"Link": f'<{public_path(request.url.path)}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}


def _list_name(request: AnyRequest) -> str:
    """Return the identity of a list: its address, its filters, and its order."""
    told = sorted((name, value) for name, value in _sent(request) if name in LIST_PARAMETERS)
    return f"{request.url.path}?{urlencode(told)}"


def _sent(request: AnyRequest) -> list[tuple[str, str]]:
    return list(request.query_params.multi_items())
