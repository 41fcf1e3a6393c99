"""Writes the file in a request's body to disk as it arrives: as a form's field `file`, or as the raw body."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Final

from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from webapp.errors import BodyTimeout, InvalidRequest, PayloadTooLarge
from webapp.http.requests.body import check_head
from webapp.threads import open_in_thread

FIELD: Final = "file"
# Between two pieces, and for all of it: 50 MB at 1.4 Mbit/s.
SILENCE_S: Final = 15.0
WHOLE_S: Final = 300.0
# What a form needs beside its file.
_FORM_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 16
_WRITTEN_AT_ONCE: Final = 1 << 20


class _File:
    """Collects small pieces and writes them in threads; counts what it is given."""

    def __init__(self, handle: IO[bytes], most_bytes: int, too_large: str) -> None:
        self._handle = handle
        self._most_bytes = most_bytes
        self._too_large = too_large
        self._held = bytearray()
        self.size = 0

    async def add(self, piece: bytes | bytearray) -> None:
        """Take a piece. Raises PayloadTooLarge before more than the limit is written."""
        self.size += len(piece)
        if self.size > self._most_bytes:
            raise PayloadTooLarge(self._too_large)
        self._held += piece
        if len(self._held) >= _WRITTEN_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        held, self._held = self._held, bytearray()
        await asyncio.to_thread(self._handle.write, held)


async def save_file(
    request: Request[Any, Any, Any], path: Path, *, most_bytes: int, too_large: str, empty: str
) -> None:
    """Write the file in a request's body to `path`, holding a little of it in memory.

    Raises PayloadTooLarge, EncodedBody, BodyTimeout, and InvalidRequest for an empty file, a form that is
    malformed, and one that has no field `file` or several.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    is_form = kind.strip().lower() == "multipart/form-data"
    check_head(request, most_bytes=most_bytes + (_FORM_BYTES if is_form else 0), too_large=too_large)
    with await open_in_thread(lambda: path.open("wb")) as handle:
        file = _File(handle, most_bytes, too_large)
        try:
            async with asyncio.timeout(WHOLE_S), aclosing(_pieces(request)) as pieces:
                if is_form:
                    await _save_field(pieces, options.get("boundary", ""), file, most_bytes, too_large)
                else:
                    async for piece in pieces:
                        await file.add(piece)
        except TimeoutError:
            raise BodyTimeout("The upload took too long to arrive") from None
        await file.flush()
    if not file.size:
        raise InvalidRequest(empty, field=FIELD)


async def _pieces(request: Request[Any, Any, Any]) -> AsyncGenerator[bytes, None]:
    while True:
        async with asyncio.timeout(SILENCE_S):
            message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The upload broke off")
        if message["type"] != "http.request":
            continue
        if message["body"]:
            yield message["body"]
        if not message["more_body"]:
            return


async def _save_field(
    pieces: AsyncGenerator[bytes, None], boundary: str, file: _File, most_bytes: int, too_large: str
) -> None:
    found = 0
    arrived = 0
    is_file = False
    try:
        parser = PushMultipartParser(boundary, max_segment_count=_MAX_FIELDS, strict=True)
        with parser:
            async for piece in pieces:
                arrived += len(piece)
                if arrived > most_bytes + _FORM_BYTES:
                    raise PayloadTooLarge(too_large)
                for event in parser.parse(piece):
                    if isinstance(event, MultipartSegment):
                        is_file = event.name == FIELD
                        found += is_file
                        if found > 1:
                            raise InvalidRequest(f"The form has several fields `{FIELD}`", field=FIELD)
                    elif event and is_file:
                        await file.add(event)
    except MultipartError as error:
        raise InvalidRequest("The form is malformed or breaks off") from error
    if not found:
        raise InvalidRequest(f"The form has no field `{FIELD}`", field=FIELD)
