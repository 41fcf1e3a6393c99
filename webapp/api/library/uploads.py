"""Sounds that clients send in, to work from."""

from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, delete, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, RequestBody, Schema
from litestar.params import PathParameter
from msgspec import Meta, Struct

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedAddress, InjectedIdentity
from webapp.api.shared.limits import uploads_announced
from webapp.api.shared.timestamps import Moment, timestamp
from webapp.http.dependencies import InjectedLibrary, InjectedStreams
from webapp.http.openapi import BEARER_SECURITY, describes, problem, problems
from webapp.http.requests.uploads import save_file
from webapp.policy.library.uploads import EMPTY, MAX_UPLOAD_BYTES, TOO_LARGE
from webapp.services.sources.uploads import UploadView

AnyRequest = Request[Any, Any, Any]
UploadId = Annotated[str, PathParameter(description="The upload's id, 20 lower-case hex digits.")]
_SOUND: Final = Schema(
    type=OpenAPIType.STRING, content_media_type="application/octet-stream", description="The file's bytes."
)
_FORM: Final = Schema(type=OpenAPIType.OBJECT, required=["file"], properties={"file": _SOUND})
BODY: Final = RequestBody(
    content={
        "multipart/form-data": OpenAPIMediaType(schema=_FORM),
        "application/octet-stream": OpenAPIMediaType(schema=_SOUND),
    },
    description="A WAV, FLAC, OGG, MP3 or WebM/Opus file in mono or stereo: 50 MB at most, and 0.5 seconds to"
    " 10 minutes. Its bytes decide what it is, not its name or type.",
    required=True,
)
PROBLEMS: Final = problems(400, 401, 408, 413, 415, 429, 503, 507) | {
    400: problem(
        400, "The file is damaged, cut off, too short or too long; or the form has no field `file`."
    ),
    408: problem(408, "The file did not arrive in time."),
    413: problem(413, "The file is over 50 MB."),
    415: problem(415, "The bytes are of no kind that is read, or the body is encoded."),
}


class UploadBody(Struct, frozen=True):
    """A sound that was sent in. It can be used until it expires."""

    upload_id: Annotated[str, Meta(pattern="^[0-9a-f]{20}$", examples=["0c9d5f1d7a84db00d2fc"])]
    duration: Annotated[float, Meta(ge=0, description="Seconds, to the millisecond.", examples=[4.25])]
    expires: Moment
    kind: Annotated[str, Meta(description="What was sent: wav, flac, ogg, mp3 or webm.", examples=["webm"])]


def upload_body(upload: UploadView) -> UploadBody:
    """The answer that tells of an upload."""
    return UploadBody(
        upload.upload_id, round(upload.duration_s, 3), timestamp(upload.expires_ms), upload.kind
    )


class UploadController(Controller):
    """Sounds that an account sends in, for `melody_from`."""

    path = "/api/uploads"
    tags = ("Uploads",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @post(
        "/",
        summary="Send a sound in",
        operation_class=describes(body=BODY, is_limited=True),
        response_description="The sound is decoded and kept for 24 hours.",
        responses=PROBLEMS,
    )
    async def upload(
        self,
        request: AnyRequest,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        address: InjectedAddress,
        streams: InjectedStreams,
    ) -> Response[UploadBody]:
        """Send a sound, as the field `file` of a form or as the raw body.

        Only the account that sent it can use it. It is gone after 24 hours, or once it is deleted. Every file
        that is read counts towards the hour, also one that turns out to be no sound.
        """
        release = await streams.caps.hold(identity.account_id, address)
        try:
            async with (
                uploads_announced(request, library, identity),
                library.uploads.arriving(identity) as arrival,
            ):
                await save_file(
                    request, arrival.path, most_bytes=MAX_UPLOAD_BYTES, too_large=TOO_LARGE, empty=EMPTY
                )
                upload = await library.uploads.accept(arrival)
        finally:
            release()
        return Response(upload_body(upload), status_code=201)

    @delete(
        "/{upload_id:str}",
        summary="Delete an upload",
        operation_class=describes(),
        responses=problems(401, 404, 429),
    )
    async def remove(self, upload_id: UploadId, library: InjectedLibrary, identity: InjectedIdentity) -> None:
        """Delete a sound that was sent in. Jobs that wait for it fail."""
        await library.uploads.delete(identity, upload_id)
