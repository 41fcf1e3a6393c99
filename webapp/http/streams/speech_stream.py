"""Speech as it is spoken, as an answer: the same for the API and the page."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from litestar import Request

from webapp.http.dependencies import Streams
from webapp.http.files.attachment import Attachment
from webapp.http.requests.client_address import address_of
from webapp.services.accounts.identity import Identity
from webapp.services.speech import SpeechProgress
from webapp.services.speech.facade import SpeechServices
from webapp.settings import Settings

MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}


class SpeechStream(Attachment):
    """An answer that is heard while it comes."""

    def __init__(self, name: str, *arguments: Any, headers: dict[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        # `no-transform` and X-Accel-Buffering ask proxies to pass pieces on as they come.
        self.headers.update({
            "content-disposition": f'inline; filename="{name}"',
            "cache-control": "private, no-store, no-transform",
            "x-accel-buffering": "no",
            "accept-ranges": "none",
            **headers,
        })  # fmt: skip


async def speech_stream(
    request: Request[Any, Any, Any],
    settings: Settings,
    speech: SpeechServices,
    streams: Streams,
    identity: Identity,
    progress: SpeechProgress,
    headers: dict[str, str],
) -> SpeechStream:
    """Answer once there is something to hear; it counts among the account's open streams.

    Raises LimitReached for too many of those, and why nothing can be heard.
    """
    release = streams.caps.hold_for(request, identity.account_id, address_of(request, settings))
    pieces = speech.long_texts.listen(progress.request_id)
    try:
        first = await anext(pieces)
    except BaseException:
        await pieces.aclose()
        release()
        raise
    name = f"soundloom-{progress.generation_id[:8]}.{progress.stream_format}"
    return SpeechStream(
        name,
        _after(first, pieces),
        name,
        MEDIA_TYPES[progress.stream_format],
        streams.stop,
        on_close=release,
        headers=headers,
    )


async def _after(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
