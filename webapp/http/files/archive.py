"""Exports as answers: the same for the API and the pages."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from litestar import Request

from webapp.http.dependencies import Streams
from webapp.http.files.attachment import Attachment
from webapp.http.requests.client_address import address_of
from webapp.http.requests.searches import count_search
from webapp.policy.library.exports import ExportChoice, file_stem
from webapp.services.accounts.identity import Identity
from webapp.services.library.export import Export
from webapp.services.library.facade import LibraryServices
from webapp.services.shared.facade import SharedServices
from webapp.settings import Settings

ZIP: Final = "application/zip"


async def archive(
    request: Request[Any, Any, Any],
    settings: Settings,
    library: LibraryServices,
    shared: SharedServices,
    streams: Streams,
    identity: Identity,
    choice: ExportChoice,
) -> Attachment:
    """Send the chosen sounds as a zip while it is made; it counts among the account's open streams.

    Raises LimitReached for too many of those, or of searches, and what `Exports.choose` raises.
    """
    if not (choice.ids or choice.playlist_id):
        count_search(request, settings, shared, choice.query)
    chosen = partial(library.exports.choose, identity, choice)
    return await _sent(request, settings, library, streams, identity, chosen)


async def account_archive(
    request: Request[Any, Any, Any],
    settings: Settings,
    library: LibraryServices,
    streams: Streams,
    identity: Identity,
) -> Attachment:
    """All that is stored about an account, with its sounds, sent like `archive`.

    Raises LimitReached for too many open streams, and what `Exports.everything` raises.
    """
    chosen = partial(library.exports.everything, identity)
    return await _sent(request, settings, library, streams, identity, chosen)


async def _sent(
    request: Request[Any, Any, Any],
    settings: Settings,
    library: LibraryServices,
    streams: Streams,
    identity: Identity,
    choose: Callable[[], Awaitable[Export]],
) -> Attachment:
    release = await streams.caps.hold_for(request, identity.account_id, address_of(request, settings))
    try:
        export = await choose()
    except BaseException:
        release()
        raise
    name = f"{file_stem(export.title, 'soundloom')}.zip"
    pieces = library.exports.write(identity, export)
    return Attachment(pieces, name, ZIP, streams.stop, on_close=release)
