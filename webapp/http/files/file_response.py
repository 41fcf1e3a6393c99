"""A file as an answer, with ranges for players that seek, and validators for caches."""

from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate
from types import MappingProxyType
from typing import Any, Final

from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.http.errors import PROBLEM_JSON, Problem
from webapp.http.files.byte_ranges import ByteRange, UnsatisfiableRange, requested_range
from webapp.http.files.preconditions import is_unchanged
from webapp.storage import StoredFile

# A sound never changes under its name.
CACHE_CONTROL: Final = "private, max-age=31536000, immutable"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
OUTSIDE: Final = "The range lies outside the file"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts with which validators and ranges are compared."""

    size: int
    etag: str
    modified: str
    modified_s: float

    @classmethod
    def of(cls, file: StoredFile) -> "FileFacts":
        """The facts of an open file."""
        modified = formatdate(file.modified_s, usegmt=True)
        return cls(file.size_bytes, f'"{file.version}"', modified, file.modified_s)


class FileAnswer(ASGIResponse):
    """A stored file: 200, 206, 304 or 416, as the request's headers ask. It is closed with the answer."""

    _should_set_content_length = False

    def __init__(
        self,
        file: StoredFile,
        facts: FileFacts,
        media_type: str,
        request: Request[Any, Any, Any],
        more_headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        """`more_headers` come with the file. Raises PreconditionFailed when another version is asked for."""
        self._file = file
        self._is_head = request.method == "HEAD"
        self._first = 0
        self._problem = b""
        headers = {
            "etag": facts.etag,
            "last-modified": facts.modified,
            "cache-control": CACHE_CONTROL,
            "accept-ranges": "bytes",
            **more_headers,
        }
        status, length = 200, facts.size
        if is_unchanged(request.headers, etag=facts.etag, modified_s=facts.modified_s):
            status, length = 304, 0
        else:
            try:
                part = _range(request, facts)
            except UnsatisfiableRange:
                self._problem = Problem(416, OUTSIDE).body()
                status, length, media_type = 416, len(self._problem), PROBLEM_JSON
                headers = {"content-range": f"bytes */{facts.size}", "accept-ranges": "bytes"}
            else:
                if part is not None:
                    status, length, self._first = 206, part.length, part.first
                    headers["content-range"] = f"bytes {part.first}-{part.last}/{facts.size}"
        self._length = length
        if status != 304:
            headers["content-length"] = str(length)
        super().__init__(status_code=status, headers=headers, media_type=media_type)

    @classmethod
    async def of(
        cls,
        opening: Awaitable[StoredFile],
        media_type: str,
        request: Request[Any, Any, Any],
        more_headers: Mapping[str, str] = NO_HEADERS,
    ) -> "FileAnswer":
        """The answer for a file that is opened here. Raises what opening it does, and PreconditionFailed."""
        file = await opening
        try:
            return cls(file, FileFacts.of(file), media_type, request, more_headers)
        except BaseException:
            file.close()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            if self._is_head or self._problem or not self._length:
                body = b"" if self._is_head else self._problem
                await send({"type": "http.response.body", "body": body, "more_body": False})
            else:
                await self._send_file(send)
        finally:
            self._file.close()

    async def _send_file(self, send: Send) -> None:
        remaining = self._length
        async with aclosing(self._file.read(self._first, self._length)) as pieces:
            async for piece in pieces:
                remaining -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": remaining > 0})


def _range(request: Request[Any, Any, Any], facts: FileFacts) -> ByteRange | None:
    """The range that a GET asks for, unless the reader has part of another version; others have none."""
    if request.method != "GET":
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() not in (facts.etag, facts.modified):
        return None
    return requested_range(request.headers.get("range"), facts.size)
