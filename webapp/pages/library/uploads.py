"""Sounds that the scripts of pages send in, to work from."""

from litestar import Response, post
from msgspec import Struct

from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedStreams
from webapp.http.requests.client_address import address_of
from webapp.http.requests.uploads import save_file
from webapp.pages.accounts.authentication import InjectedIdentity
from webapp.pages.frame.navigation import PageRequest
from webapp.policy.library.uploads import EMPTY, MAX_UPLOAD_BYTES, TOO_LARGE


class SentIn(Struct, frozen=True):
    """A sound that was sent in, for the script that sent it."""

    upload_id: str
    duration: float


@post("/uploads")
async def send_in(
    request: PageRequest,
    library: InjectedLibrary,
    settings: InjectedSettings,
    streams: InjectedStreams,
    identity: InjectedIdentity,
) -> Response[SentIn]:
    """Take in the sound that is the request's body, as `POST /api/uploads` does."""
    release = await streams.caps.hold(identity.account_id, address_of(request, settings))
    try:
        async with library.uploads.arriving(identity) as arrival:
            await save_file(
                request, arrival.path, most_bytes=MAX_UPLOAD_BYTES, too_large=TOO_LARGE, empty=EMPTY
            )
            upload = await library.uploads.accept(arrival)
    finally:
        release()
    return Response(SentIn(upload.upload_id, upload.duration_s), status_code=201)
