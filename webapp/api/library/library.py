"""The library: browsing, publishing, votes, favourites and plays."""

from typing import Final

from litestar import Controller, Response, delete, get, patch, post

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedAddress, InjectedIdentity
from webapp.api.library.listing import (
    LINK,
    LISTING,
    ONLY_LISTING,
    OPTIONAL_SECURITY,
    READER,
    AnyRequest,
    InjectedQuery,
    InjectedReader,
    SoundId,
    listed,
    next_link,
)
from webapp.api.library.schemas import (
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
from webapp.http.dependencies import InjectedLibrary
from webapp.http.openapi import BEARER_SECURITY, RATE_LIMITS, describes, problems
from webapp.http.prepared import Prepare
from webapp.http.rate_limit import announce, told
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.policy.library.fields import parse_change, parse_vote

public_answer: Final = Prepare(LibraryPageBody.of, capacity=256)


class LibraryController(Controller):
    """The public list, single sounds for those who may see them, and what accounts do with them."""

    path = "/api"
    tags = ("Library",)
    dependencies = AUTHENTICATION | READER

    @get(
        "/library",
        summary="Published sounds",
        dependencies=LISTING,
        before_request=ONLY_LISTING,
        operation_class=describes(gives={"Link": LINK, **RATE_LIMITS}),
        responses=problems(400, 429),
    )
    async def library(
        self, request: AnyRequest, library: InjectedLibrary, listing: InjectedQuery
    ) -> Response[LibraryPageBody]:
        """The same for everybody: the account's own unpublished sounds are at `/api/my-generations`."""
        page = await library.browse.public(listing)
        return public_answer(page, request.scope["query_string"], lambda: next_link(request, library, page))

    @get(
        "/library/counts",
        summary="How many published sounds there are",
        before_request=only(),
        operation_class=describes(),
        responses=problems(400),
    )
    async def counts(self, library: InjectedLibrary) -> LibraryCounts:
        """Of each model, and of all."""
        counts = await library.browse.counts()
        return LibraryCounts(**counts, total=sum(counts.values()))

    @get(
        "/library/{sound_id:str}",
        summary="One sound",
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def item(
        self, sound_id: SoundId, library: InjectedLibrary, reader: InjectedReader
    ) -> LibraryItemBody:
        """For everybody when it is published, otherwise for its owner and admins."""
        return LibraryItemBody.of(await library.browse.item(reader, sound_id))

    @post(
        "/track/{sound_id:str}/play",
        summary="Count a play",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def play(
        self, sound_id: SoundId, library: InjectedLibrary, reader: InjectedReader, address: InjectedAddress
    ) -> Played:
        """Counts once a minute per listener; more often changes nothing."""
        return Played(await library.plays.played(reader, address, sound_id))

    @post(
        "/track/{sound_id:str}/download",
        summary="Count a download",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def download(
        self, sound_id: SoundId, library: InjectedLibrary, reader: InjectedReader, address: InjectedAddress
    ) -> Downloaded:
        """Counts once a minute per listener; more often changes nothing."""
        return Downloaded(await library.plays.downloaded(reader, address, sound_id))

    @get(
        "/my-generations",
        summary="The account's own sounds",
        dependencies=LISTING,
        before_request=ONLY_LISTING,
        operation_class=describes(gives={"Link": LINK, **RATE_LIMITS}),
        responses=problems(400, 401, 429),
        security=BEARER_SECURITY,
    )
    async def own(
        self,
        request: AnyRequest,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        listing: InjectedQuery,
    ) -> Response[LibraryPageBody]:
        """Published or not."""
        return listed(request, library, await library.browse.own(identity, listing))

    @patch(
        "/library/{sound_id:str}",
        summary="Name, tag, publish or take back a sound",
        operation_class=describes(reads=SoundChangeBody),
        responses=problems(400, 401, 403, 404, 408, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def change(
        self, request: AnyRequest, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> LibraryItemBody:
        """Only its owner. What is not sent stays as it is."""
        change = parse_change(await read_json_object(request))
        return LibraryItemBody.of(await library.publishing.change(identity, sound_id, change))

    @delete(
        "/library/{sound_id:str}",
        summary="Delete a sound",
        operation_class=describes(),
        response_description="The sound and its files are gone.",
        responses=problems(401, 403, 404, 429),
        security=BEARER_SECURITY,
    )
    async def remove(self, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity) -> None:
        """Its owner and admins. Votes, favourites and places in playlists go with it."""
        await library.publishing.delete(identity, sound_id)

    @post(
        "/library/{sound_id:str}/vote",
        summary="Vote for or against a sound",
        status_code=200,
        operation_class=describes(reads=VoteBody, is_limited=True),
        responses=problems(400, 401, 404, 408, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def vote(
        self, request: AnyRequest, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> Voted:
        """One vote per account: a new one takes the place of the old one, and 0 takes it back."""
        votes = library.votes
        try:
            vote = parse_vote(await read_json_object(request))
            receipt = await votes.vote(identity, sound_id, vote)
        finally:
            announce(request, told(await votes.usage(identity)))
        return Voted(receipt.upvotes, receipt.downvotes, receipt.user_vote)

    @get(
        "/favorites",
        summary="The account's favourites",
        dependencies=LISTING,
        before_request=ONLY_LISTING,
        operation_class=describes(gives={"Link": LINK, **RATE_LIMITS}),
        responses=problems(400, 401, 429),
        security=BEARER_SECURITY,
    )
    async def favorites(
        self,
        request: AnyRequest,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        listing: InjectedQuery,
    ) -> Response[LibraryPageBody]:
        """Less what was taken back by its owners since."""
        return listed(request, library, await library.browse.favorites(identity, listing))

    @post(
        "/favorites/{sound_id:str}",
        summary="Keep a sound",
        status_code=200,
        operation_class=describes(is_limited=True),
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def keep(
        self, request: AnyRequest, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> Favorited:
        """Doing so twice is doing so once."""
        favorites = library.favorites
        try:
            await favorites.add(identity, sound_id)
        finally:
            announce(request, told(await favorites.usage(identity)))
        return Favorited(favorited=True)

    @delete(
        "/favorites/{sound_id:str}",
        summary="Let a sound go",
        status_code=200,
        operation_class=describes(is_limited=True),
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def let_go(
        self, request: AnyRequest, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> Favorited:
        """Doing so twice is doing so once."""
        favorites = library.favorites
        try:
            await favorites.remove(identity, sound_id)
        finally:
            announce(request, told(await favorites.usage(identity)))
        return Favorited(favorited=False)
