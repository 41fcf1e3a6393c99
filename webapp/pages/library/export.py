"""Exports as a zip: the ticked sounds of a list, or a playlist."""

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from webapp.http.dependencies import (
    InjectedLibrary,
    InjectedSettings,
    InjectedShared,
    InjectedStreams,
)
from webapp.http.files.archive import archive
from webapp.http.files.attachment import Attachment
from webapp.http.middleware.compression import AS_WRITTEN
from webapp.pages.accounts.authentication import InjectedIdentity
from webapp.pages.frame.forms import read_fields
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.library.selection import selected
from webapp.policy.library.exports import ExportChoice, ExportFormat
from webapp.policy.library.fields import LibraryQuery

# Lossless and small; other formats of single sounds are on their pages, and all over the API.
FORMATS: Final[tuple[ExportFormat, ...]] = ("flac",)


@post("/library/export", opt={AS_WRITTEN: True}, status_code=200)
async def export_selection(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    shared: InjectedShared,
    streams: InjectedStreams,
    identity: InjectedIdentity,
) -> Attachment:
    """Export the chosen sounds. Raises NotFound when one of them is gone meanwhile."""
    ids = selected(await read_fields(request))
    choice = ExportChoice(FORMATS, LibraryQuery(), ids=tuple(ids))
    return await archive(request, settings, library, shared, streams, identity, choice)


@get("/playlists/{playlist_id:str}/export", opt={AS_WRITTEN: True})
async def export_playlist(
    request: PageRequest,
    playlist_id: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    shared: InjectedShared,
    streams: InjectedStreams,
    identity: InjectedIdentity,
) -> Attachment:
    """Export what the viewer may hear of a playlist. Raises NotFound."""
    choice = ExportChoice(FORMATS, LibraryQuery(), playlist_id=playlist_id)
    return await archive(request, settings, library, shared, streams, identity, choice)
