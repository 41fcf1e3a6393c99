"""The library: browsing, publishing, votes, favourites and plays."""

from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlencode

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter, SkipValidation

from webapp.api.authentication import (
    ADDRESS,
    AUTHENTICATION,
    InjectedAddress,
    InjectedIdentity,
    provide_identity,
)
from webapp.api.library_schemas import (
    Downloaded,
    Favorited,
    LibraryCounts,
    LibraryItemBody,
    LibraryPageBody,
    Played,
    SoundChangeBody,
    VoteBody,
    Voted,
)
from webapp.http.body import read_json_object
from webapp.http.dependencies import InjectedServices
from webapp.http.openapi import BEARER_SECURITY, describes, header, problems
from webapp.http.prepared import Prepare
from webapp.http.rate_limit import announce, told
from webapp.policy.library import (
    DEFAULT_PER_PAGE,
    MAX_PAGE,
    MAX_PER_PAGE,
    LibraryModel,
    LibraryQuery,
    Sort,
    duration_bound,
    parse_change,
    parse_vote,
    read_cursor,
    written_cursor,
)
from webapp.services.identity import Identity
from webapp.services.library.views import LibraryPage

AnyRequest = Request[Any, Any, Any]
SoundId = Annotated[str, PathParameter(description="The sound's id, 20 lower-case hex digits.")]
InjectedQuery: TypeAlias = NamedDependency[SkipValidation[LibraryQuery]]
InjectedReader: TypeAlias = NamedDependency[SkipValidation[Identity | None]]
LINK: Final = header(
    "Where the next part of the list is, if there is one (RFC 8288).",
    '</api/library?cursor=WzAsIDcsIDdd>; rel="next"',
)


def provide_filters(
    model: Annotated[LibraryModel | None, QueryParameter(description="Only sounds of this model.")] = None,
    min_duration: Annotated[float | None, QueryParameter(description="In seconds.")] = None,
    max_duration: Annotated[float | None, QueryParameter(description="In seconds.")] = None,
    owner: Annotated[
        str | None, QueryParameter(description="Only sounds of the account with this username.")
    ] = None,
) -> LibraryQuery:
    """A list of what is asked for, from its beginning. Raises InvalidRequest."""
    return LibraryQuery(
        model=model,
        min_duration_s=duration_bound(min_duration, "min_duration"),
        max_duration_s=duration_bound(max_duration, "max_duration"),
        owner=owner or None,
    )


def provide_query(
    filters: InjectedQuery,
    page: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="Counted from 1.")] = 1,
    per_page: Annotated[
        int, QueryParameter(ge=1, le=MAX_PER_PAGE, description="Sounds on one page.")
    ] = DEFAULT_PER_PAGE,
    q: Annotated[
        str | None,
        QueryParameter(description="Beginnings of words of prompt, title or tags; all must match."),
    ] = None,
    search: Annotated[str | None, QueryParameter(description="The same as `q`.")] = None,
    sort: Annotated[
        Sort | None,
        QueryParameter(
            description="Highest first. Without it: the newest first, after what a search finds in titles."
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        QueryParameter(
            description="From the `Link` of an answer: goes on behind its last item, whatever was added"
            " since. `page` does not count then."
        ),
    ] = None,
) -> LibraryQuery:
    """What a list is asked to show. Raises InvalidRequest."""
    return replace(
        filters,
        page=page,
        per_page=per_page,
        search=(q or search or "").strip() or None,
        sort=sort,
        after=read_cursor(cursor) if cursor else None,
    )


async def provide_reader(request: AnyRequest, services: InjectedServices) -> Identity | None:
    """The account behind the token, None where none was sent.

    Raises AuthenticationRequired and LimitReached for a wrong one.
    """
    if "authorization" not in request.headers:
        return None
    return await provide_identity(request, services)


QUERY: Final = {
    "filters": Provide(provide_filters, sync_to_thread=False),
    "listing": Provide(provide_query, sync_to_thread=False),
}
READER: Final = {"reader": Provide(provide_reader), **ADDRESS}
# Answered to those who send a token and to those who do not.
OPTIONAL_SECURITY: Final[list[dict[str, list[str]]]] = [{}, *BEARER_SECURITY]


public_answer: Final = Prepare(LibraryPageBody.of, capacity=256)


class LibraryController(Controller):
    """What everybody may see, single sounds for those who may see them, and what accounts do with them."""

    path = "/api"
    tags = ("Library",)
    dependencies = AUTHENTICATION | READER

    @get(
        "/library",
        summary="Published sounds",
        dependencies=QUERY,
        operation_class=describes(gives={"Link": LINK}),
        responses=problems(400),
    )
    async def library(
        self, request: AnyRequest, services: InjectedServices, listing: InjectedQuery
    ) -> Response[LibraryPageBody]:
        """The same for everybody: the account's own unpublished sounds are at `/api/my-generations`."""
        page = await services.library.browse.public(listing)
        return public_answer(page, request.scope["query_string"], lambda: next_link(request, page))

    @get(
        "/library/counts",
        summary="How many published sounds there are",
        operation_class=describes(),
        responses=problems(),
    )
    async def counts(self, services: InjectedServices) -> LibraryCounts:
        """Of each model, and of all."""
        counts = await services.library.browse.counts()
        return LibraryCounts(**counts, total=sum(counts.values()))

    @get(
        "/library/{sound_id:str}",
        summary="One sound",
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def item(
        self, sound_id: SoundId, services: InjectedServices, reader: InjectedReader
    ) -> LibraryItemBody:
        """For everybody when it is published, otherwise for its owner and admins."""
        return LibraryItemBody.of(await services.library.browse.item(reader, sound_id))

    @post(
        "/track/{sound_id:str}/play",
        summary="Count a play",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def play(
        self, sound_id: SoundId, services: InjectedServices, reader: InjectedReader, address: InjectedAddress
    ) -> Played:
        """Counts once a minute per listener; more often changes nothing."""
        return Played(await services.library.plays.played(reader, address, sound_id))

    @post(
        "/track/{sound_id:str}/download",
        summary="Count a download",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def download(
        self, sound_id: SoundId, services: InjectedServices, reader: InjectedReader, address: InjectedAddress
    ) -> Downloaded:
        """Counts once a minute per listener; more often changes nothing."""
        return Downloaded(await services.library.plays.downloaded(reader, address, sound_id))

    @get(
        "/my-generations",
        summary="The account's own sounds",
        dependencies=QUERY,
        operation_class=describes(gives={"Link": LINK}),
        responses=problems(400, 401, 429),
        security=BEARER_SECURITY,
    )
    async def own(
        self,
        request: AnyRequest,
        services: InjectedServices,
        identity: InjectedIdentity,
        listing: InjectedQuery,
    ) -> Response[LibraryPageBody]:
        """Published or not."""
        return listed(request, await services.library.browse.own(identity, listing))

    @patch(
        "/library/{sound_id:str}",
        summary="Name, tag, publish or take back a sound",
        operation_class=describes(reads=SoundChangeBody),
        responses=problems(400, 401, 403, 404, 408, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def change(
        self, request: AnyRequest, sound_id: SoundId, services: InjectedServices, identity: InjectedIdentity
    ) -> LibraryItemBody:
        """Only its owner. What is not sent stays as it is."""
        change = parse_change(await read_json_object(request))
        return LibraryItemBody.of(await services.library.publishing.change(identity, sound_id, change))

    @delete(
        "/library/{sound_id:str}",
        summary="Delete a sound",
        operation_class=describes(),
        response_description="The sound and its files are gone.",
        responses=problems(401, 403, 404, 429),
        security=BEARER_SECURITY,
    )
    async def remove(self, sound_id: SoundId, services: InjectedServices, identity: InjectedIdentity) -> None:
        """Its owner and admins. Votes, favourites and places in playlists go with it."""
        await services.library.publishing.delete(identity, sound_id)

    @post(
        "/library/{sound_id:str}/vote",
        summary="Vote for or against a sound",
        status_code=200,
        operation_class=describes(reads=VoteBody),
        responses=problems(400, 401, 404, 408, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def vote(
        self, request: AnyRequest, sound_id: SoundId, services: InjectedServices, identity: InjectedIdentity
    ) -> Voted:
        """One vote per account: a new one takes the place of the old one, and 0 takes it back."""
        votes = services.library.votes
        try:
            vote = parse_vote(await read_json_object(request))
            receipt = await votes.vote(identity, sound_id, vote)
        finally:
            announce(request, told("vote", await votes.usage(identity)))
        return Voted(receipt.upvotes, receipt.downvotes, receipt.user_vote)

    @get(
        "/favorites",
        summary="The account's favourites",
        dependencies=QUERY,
        operation_class=describes(gives={"Link": LINK}),
        responses=problems(400, 401, 429),
        security=BEARER_SECURITY,
    )
    async def favorites(
        self,
        request: AnyRequest,
        services: InjectedServices,
        identity: InjectedIdentity,
        listing: InjectedQuery,
    ) -> Response[LibraryPageBody]:
        """Less what was taken back by its owners since."""
        return listed(request, await services.library.browse.favorites(identity, listing))

    @post(
        "/favorites/{sound_id:str}",
        summary="Keep a sound",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def keep(
        self, request: AnyRequest, sound_id: SoundId, services: InjectedServices, identity: InjectedIdentity
    ) -> Favorited:
        """Doing so twice is doing so once."""
        favorites = services.library.favorites
        try:
            await favorites.add(identity, sound_id)
        finally:
            announce(request, told("favorite", await favorites.usage(identity)))
        return Favorited(favorited=True)

    @delete(
        "/favorites/{sound_id:str}",
        summary="Let a sound go",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def let_go(
        self, request: AnyRequest, sound_id: SoundId, services: InjectedServices, identity: InjectedIdentity
    ) -> Favorited:
        """Doing so twice is doing so once."""
        favorites = services.library.favorites
        try:
            await favorites.remove(identity, sound_id)
        finally:
            announce(request, told("favorite", await favorites.usage(identity)))
        return Favorited(favorited=False)


def listed(request: AnyRequest, page: LibraryPage) -> Response[LibraryPageBody]:
    """The answer with part of a list; its `Link` leads to the next part."""
    return Response(LibraryPageBody.of(page), headers=next_link(request, page))


def next_link(request: AnyRequest, page: LibraryPage) -> dict[str, str]:
    """The header that leads to the next part of a list, if there is one."""
    if page.next is None:
        return {}
    sent = request.query_params.multi_items()
    kept = [(name, value) for name, value in sent if name not in ("page", "cursor")]
    query = urlencode([*kept, ("cursor", written_cursor(page.next))])
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}
