"""Files of sounds, which are fetched when they are asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from os import PathLike
from pathlib import Path
from typing import IO

from soundloom_client.core import Core
from soundloom_client.transports import Awaiting, Waiting


class File:
    """A file on the server. Nothing is fetched before it is asked for."""

    def __init__(self, core: Core, transport: Waiting, url: str) -> None:
        self._core = core
        self._transport = transport
        self.url = url

    def pieces(self) -> Iterator[bytes]:
        """Give the file piece by piece."""
        return self._transport.each(self._core.download(self.url))

    def read(self) -> bytes:
        """Return the whole file."""
        return b"".join(self.pieces())

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the file; what is there before is replaced by the whole of it, or not at all."""
        with written_aside(Path(path)) as file:
            for piece in self.pieces():
                file.write(piece)
        return Path(path)


class AsyncFile:
    """A file on the server. Nothing is fetched before it is asked for."""

    def __init__(self, core: Core, transport: Awaiting, url: str) -> None:
        self._core = core
        self._transport = transport
        self.url = url

    def pieces(self) -> AsyncIterator[bytes]:
        """Give the file piece by piece."""
        return self._transport.each(self._core.download(self.url))

    async def read(self) -> bytes:
        """Return the whole file."""
        return b"".join([piece async for piece in self.pieces()])

    async def save(self, path: str | PathLike[str]) -> Path:
        """Write the file; what is there before is replaced by the whole of it, or not at all."""
        with written_aside(Path(path)) as file:
            async with aclosing(self._transport.each(self._core.download(self.url))) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece)
        return Path(path)


@contextmanager
def written_aside(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside another one, whose place it takes when all went well."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            yield file
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
