"""Playlists."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.params import PathParameter, QueryParameter

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.library.listing import OPTIONAL_SECURITY, READER, InjectedReader, SoundId
from webapp.api.library.schemas import (
    FullPlaylist,
    OrderBody,
    PlaylistBody,
    PlaylistChangeBody,
    PlaylistList,
    PlaylistSent,
    TrackBody,
    full_playlist,
    playlist_body,
)
from webapp.api.shared.paging import PAGING, WHOLE, Page, PerPage, has_more, offset
from webapp.http.dependencies import InjectedLibrary
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import BEARER_SECURITY, describes, header, problems
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.policy.library.fields import parse_order, parse_playlist, parse_track

AnyRequest = Request[Any, Any, Any]
PlaylistId = Annotated[str, PathParameter(description="The playlist's id, 20 lower-case hex digits.")]
LOCATION = header("Where the playlist is.", "/api/playlists/0c9d5f1d7a84db00d2fc")
BODY_PROBLEMS = problems(400, 401, 404, 408, 413, 415, 429)


class PlaylistController(Controller):
    """Ordered lists of sounds."""

    path = "/api/playlists"
    tags = ("Playlists",)
    dependencies = AUTHENTICATION | READER

    @get(
        "/",
        summary="The account's playlists",
        before_request=only(*PAGING),
        operation_class=describes(),
        responses=problems(400, 401, 429),
        security=BEARER_SECURITY,
    )
    async def playlists(
        self,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        page: Page = 1,
        per_page: PerPage = WHOLE,
    ) -> PlaylistList:
        """The last changed first."""
        found = await library.playlists.of_account(identity)
        first, total = offset(page, per_page), len(found)
        playlists = [playlist_body(playlist) for playlist in found[first : first + per_page]]
        return PlaylistList(playlists, playlists, page, per_page, total, has_more(page, per_page, total))

    @post(
        "/",
        summary="Make a playlist",
        operation_class=describes(reads=PlaylistSent, gives={"Location": LOCATION}),
        responses=problems(400, 401, 408, 409, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def create(
        self, request: AnyRequest, library: InjectedLibrary, identity: InjectedIdentity
    ) -> Response[PlaylistBody]:
        """Private unless it says otherwise."""
        change = parse_playlist(await read_json_object(request), is_new=True)
        body = playlist_body(await library.playlists.create(identity, change))
        return Response(body, status_code=201, headers={"Location": public_path(f"/api/playlists/{body.id}")})

    @get(
        "/{playlist_id:str}",
        summary="One playlist",
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=OPTIONAL_SECURITY,
    )
    async def playlist(
        self, playlist_id: PlaylistId, library: InjectedLibrary, reader: InjectedReader
    ) -> FullPlaylist:
        """For its owner; a shared one for whoever has its id, with those sounds that they may see."""
        return full_playlist(*await library.playlists.get(reader, playlist_id))

    @put(
        "/{playlist_id:str}",
        summary="Rename a playlist, share it or stop",
        operation_class=describes(reads=PlaylistChangeBody),
        responses=BODY_PROBLEMS,
        security=BEARER_SECURITY,
    )
    async def change(
        self,
        request: AnyRequest,
        playlist_id: PlaylistId,
        library: InjectedLibrary,
        identity: InjectedIdentity,
    ) -> PlaylistBody:
        """Fields that are not sent stay as they are."""
        change = parse_playlist(await read_json_object(request), is_new=False)
        return playlist_body(await library.playlists.change(identity, playlist_id, change))

    @delete(
        "/{playlist_id:str}",
        summary="Delete a playlist",
        operation_class=describes(),
        response_description="The playlist is gone.",
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def remove(
        self, playlist_id: PlaylistId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> None:
        """Its sounds stay."""
        await library.playlists.delete(identity, playlist_id)

    @post(
        "/{playlist_id:str}/tracks",
        summary="Add a sound",
        status_code=200,
        operation_class=describes(reads=TrackBody),
        responses=problems(400, 401, 404, 408, 409, 413, 415, 429),
        security=BEARER_SECURITY,
    )
    async def add_track(
        self,
        request: AnyRequest,
        playlist_id: PlaylistId,
        library: InjectedLibrary,
        identity: InjectedIdentity,
    ) -> PlaylistBody:
        """At the end; one that is there already stays where it is."""
        sound_id = parse_track(await read_json_object(request))
        return playlist_body(await library.playlists.add_track(identity, playlist_id, sound_id))

    @delete(
        "/{playlist_id:str}/tracks",
        summary="Take a sound out",
        status_code=200,
        operation_class=describes(),
        responses=problems(400, 401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def remove_track(
        self,
        playlist_id: PlaylistId,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        sound_id: Annotated[str, QueryParameter(name="id", description="The sound's id.")],
    ) -> PlaylistBody:
        """One that is not in it is out already."""
        return playlist_body(await library.playlists.remove_track(identity, playlist_id, sound_id))

    @delete(
        "/{playlist_id:str}/tracks/{sound_id:str}",
        summary="Take one sound out",
        status_code=200,
        operation_class=describes(),
        responses=problems(401, 404, 429),
        security=BEARER_SECURITY,
    )
    async def remove_one_track(
        self, playlist_id: PlaylistId, sound_id: SoundId, library: InjectedLibrary, identity: InjectedIdentity
    ) -> PlaylistBody:
        """One that is not in it is out already."""
        return playlist_body(await library.playlists.remove_track(identity, playlist_id, sound_id))

    @put(
        "/{playlist_id:str}/reorder",
        summary="Put the sounds in another order",
        operation_class=describes(reads=OrderBody),
        responses=BODY_PROBLEMS,
        security=BEARER_SECURITY,
    )
    async def reorder(
        self,
        request: AnyRequest,
        playlist_id: PlaylistId,
        library: InjectedLibrary,
        identity: InjectedIdentity,
    ) -> FullPlaylist:
        """`ids` names each sound of the playlist once."""
        ids = parse_order(await read_json_object(request))
        return full_playlist(*await library.playlists.reorder(identity, playlist_id, ids))
