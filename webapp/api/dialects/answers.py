"""Answers that are a sound: held until it is there, in the encoding that was asked for."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.api.queue.following import Follower
from webapp.errors import Conflict, GenerationFailed, Unavailable
from webapp.http.files.conversion import Conversions
from webapp.policy.dialects.encodings import Encoding
from webapp.policy.generation import GenerationChoice
from webapp.services.library.facade import LibraryServices
from webapp.storage import StoredFile

AnyRequest = Request[Any, Any, Any]
# As long as the vendors' own clients wait.
HOLD_S: Final = 600.0
STILL_WAITING: Final = "The sound is not there yet; it will be in your library"
CANCELLED: Final = "The job was cancelled"


@dataclass(frozen=True, slots=True)
class MadeSound:
    """A sound that a request waited for."""

    generation_id: str
    job_id: str = ""


async def made(follower: Follower, choice: GenerationChoice) -> MadeSound:
    """Submit a job and wait for its sound. The job goes on when the client leaves.

    Raises LimitReached for too many held connections, before anything is submitted: vendors' clients repeat
    what fails. Raises what submitting raises, GenerationFailed, Conflict for a job that was cancelled, and
    Unavailable when it takes longer than a client waits.
    """
    release = await follower.streams.caps.hold(follower.identity.account_id, follower.address)
    try:
        submitted = await follower.queue.submissions.submit(follower.identity, choice)
        job = await follower.waited(submitted.job_id, HOLD_S)
    finally:
        release()
    if job is None or not job.has_ended:
        raise Unavailable(STILL_WAITING)
    if job.status == "cancelled":
        raise Conflict(CANCELLED)
    if job.sound is None:
        raise GenerationFailed(job.error or "The sound could not be made")
    return MadeSound(job.sound.generation_id, submitted.job_id)


async def sound_answer(
    library: LibraryServices, conversions: Conversions, sound: MadeSound, encoding: Encoding
) -> ASGIResponse:
    """Answer with a sound of the library. Raises NotFound, StorageAway and Unavailable."""
    headers = {"x-generation-id": sound.generation_id}
    if sound.job_id:
        headers["x-job-id"] = sound.job_id
    if encoding.stored:
        file = await _open(library, sound, encoding)
        return StoredSound(file, encoding.media_type, headers)
    body = await sound_bytes(library, conversions, sound, encoding)
    return ASGIResponse(body=body, media_type=encoding.media_type, headers=headers)


async def sound_bytes(
    library: LibraryServices, conversions: Conversions, sound: MadeSound, encoding: Encoding
) -> bytes:
    """Return a sound of the library in an encoding. Raises NotFound, StorageAway and Unavailable."""
    file = await _open(library, sound, encoding)
    if not encoding.stored:
        return await conversions.converted(file, encoding.name, encoding.sample_rate, encoding.channels)
    with closing(file):
        return b"".join([piece async for piece in file.read(0, file.size_bytes)])


async def _open(library: LibraryServices, sound: MadeSound, encoding: Encoding) -> StoredFile:
    file_name = f"{sound.generation_id}.{encoding.stored or 'wav'}"
    return await library.files.open(await library.files.audio_file(file_name))


class StoredSound(ASGIResponse):
    """A stored file as the whole answer to a POST. It is closed with the answer."""

    _should_set_content_length = False

    def __init__(self, file: StoredFile, media_type: str, headers: dict[str, str]) -> None:
        self._file = file
        super().__init__(
            status_code=200,
            media_type=media_type,
            headers={**headers, "content-length": str(file.size_bytes), "cache-control": "no-store"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            remaining = self._file.size_bytes
            async for piece in self._file.read(0, remaining):
                remaining -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": remaining > 0})
        finally:
            self._file.close()
