"""A file as an answer, with ranges for players that seek, and validators for caches."""

import asyncio
import os
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, Final

from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.policy.byte_ranges import ByteRange, UnsatisfiableRange, requested_range

CHUNK_BYTES: Final = 256 * 1024
# A sound never changes under its name.
CACHE_CONTROL: Final = "private, max-age=31536000, immutable"


class FileAnswer(ASGIResponse):
    """The file at `path`: 200, 206, 304 or 416, as the request's headers ask.

    One open handle serves the whole answer, so a file that is deleted meanwhile is still sent whole.
    """

    _should_set_content_length = False

    def __init__(
        self, path: Path, handle: IO[bytes], media_type: str, request: Request[Any, Any, Any]
    ) -> None:
        stat = os.fstat(handle.fileno())
        self._handle = handle
        self._size = stat.st_size
        self._is_head = request.method == "HEAD"
        etag = f'"{path.parent.name}-{stat.st_size:x}"'
        headers = {
            "etag": etag,
            "last-modified": formatdate(stat.st_mtime, usegmt=True),
            "cache-control": CACHE_CONTROL,
            "accept-ranges": "bytes",
        }
        self._range: ByteRange | None = None
        status = 200
        if _is_unchanged(request, etag, stat.st_mtime):
            status = 304
        else:
            try:
                self._range = _range(request, self._size, etag, headers["last-modified"])
            except UnsatisfiableRange:
                status = 416
                headers["content-range"] = f"bytes */{self._size}"
        if self._range is not None:
            status = 206
            headers["content-range"] = f"bytes {self._range.first}-{self._range.last}/{self._size}"
        self._length = {200: self._size, 206: self._range.length if self._range else 0}.get(status, 0)
        if status != 304:
            headers["content-length"] = str(self._length)
        super().__init__(status_code=status, headers=headers, media_type=media_type)

    @classmethod
    async def open(cls, path: Path, media_type: str, request: Request[Any, Any, Any]) -> "FileAnswer":
        """The answer for a file. Raises FileNotFoundError."""
        return cls(path, await asyncio.to_thread(path.open, "rb"), media_type, request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            remaining = 0 if self._is_head else self._length
            if remaining and self._range is not None:
                self._handle.seek(self._range.first)
            while remaining:
                chunk = await asyncio.to_thread(self._handle.read, min(CHUNK_BYTES, remaining))
                if not chunk:
                    raise OSError("the file became shorter while it was sent")
                remaining -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": remaining > 0})
            if not self._length or self._is_head:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._handle.close()


def _is_unchanged(request: Request[Any, Any, Any], etag: str, modified_s: float) -> bool:
    """Whether the reader's copy is still right (RFC 9110, section 13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return int(modified_s) <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False


def _range(request: Request[Any, Any, Any], size: int, etag: str, modified: str) -> ByteRange | None:
    """The range asked for, unless the reader has part of another version."""
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() not in (etag, modified):
        return None
    return requested_range(request.headers.get("range"), size)
