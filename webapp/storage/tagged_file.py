"""Reads a stored sound with tags added, in chunks."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from webapp.storage.tags import HEAD_BYTES, Retagging, Tags, retag

CHUNK_BYTES: Final = 256 * 1024


class TaggedFile:
    """An open file, read once from its tagged beginning to its end. It blocks, so use it in a thread."""

    def __init__(self, path: Path, tags: Tags | None = None) -> None:
        """Open `path`; without tags it is read unchanged. Raises FileNotFoundError."""
        self._handle = path.open("rb")
        try:
            size = os.fstat(self._handle.fileno()).st_size
            change = Retagging(b"", 0, size)
            if tags is not None:
                change = retag(path.suffix.removeprefix("."), self._handle.read(HEAD_BYTES), size, tags)
        except BaseException:
            self._handle.close()
            raise
        self._change = change
        self.size_bytes = change.size_bytes

    def __enter__(self) -> "TaggedFile":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._handle.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes in chunks: the head, then at most `CHUNK_BYTES` each."""
        if self._change.head:
            yield self._change.head
        left = self._change.end - self._change.replaced
        self._handle.seek(self._change.replaced)
        while left > 0 and (chunk := self._handle.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
        if self._change.tail:
            yield self._change.tail
