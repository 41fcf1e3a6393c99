"""Hints between the processes of one machine, over a socket in the data folder.

The server owns the socket and forwards each hint to all other processes; workers and commands connect
to it. The folder is private to the user that runs the server, and so is the socket.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from webapp.clock import Clock
from webapp.events.bus import MISSED, Event, LocalBus

logger = logging.getLogger(__name__)

SOCKET_NAME = "events.sock"
# The kernel's limit on the path of a socket is 108 bytes on Linux and 104 on macOS.
MAX_SOCKET_PATH = 100
MAX_LINE_BYTES = 4096
# A listener this far behind is disconnected; it reconnects and reads everything.
MAX_BACKLOG_BYTES = 64 * 1024
RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0)


class SocketHub(LocalBus):
    """The server's end: delivers every hint to its own listeners and to all connected processes."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(clock)
        self._folder = folder
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        with socket_path(self._folder) as path:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_LINE_BYTES)
        (self._folder / SOCKET_NAME).chmod(0o600)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        await self._server.wait_closed()
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)

    def publish(self, *events: Event) -> None:
        super().publish(*events)
        self._send(_encode(*events), except_to=None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            async for event in _events(reader):
                self.deliver(event)
                self._send(_encode(event), except_to=writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    def _send(self, data: bytes, *, except_to: asyncio.StreamWriter | None) -> None:
        for writer in tuple(self._writers):
            if writer is not except_to:
                _write(writer, data)


class SocketBus(LocalBus):
    """The end of a worker or a command; it keeps trying to connect while no server is running."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(clock)
        self._folder = folder
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        with contextlib.suppress(OSError):
            reader = await self._connect()
            self._task = asyncio.create_task(self._run(reader))
            return
        self._task = asyncio.create_task(self._run(None))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer is not None:
            with contextlib.suppress(OSError):
                # The last hints may still be in the buffer.
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()

    def publish(self, *events: Event) -> None:
        super().publish(*events)
        if self._writer is not None:
            _write(self._writer, _encode(*events))

    async def _connect(self) -> asyncio.StreamReader:
        with socket_path(self._folder) as path:
            reader, self._writer = await asyncio.open_unix_connection(path, limit=MAX_LINE_BYTES)
        return reader

    async def _run(self, reader: asyncio.StreamReader | None) -> None:
        failures = 0
        while True:
            try:
                reader = reader or await self._connect()
                failures = 0
                # Hints were missed while it was not connected.
                self.deliver(*MISSED)
                async for event in _events(reader):
                    self.deliver(event)
            except OSError:
                logger.debug("no event socket to connect to", exc_info=True)
            if self._writer is not None:
                self._writer.close()
            self._writer = reader = None
            await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
            failures += 1


@contextlib.contextmanager
def socket_path(folder: Path) -> Iterator[str]:
    """Provide a path of the folder's socket, short enough for the kernel, while the block runs."""
    path = folder / SOCKET_NAME
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        yield str(path)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[Event]:
    with contextlib.suppress(ConnectionError, ValueError):
        while line := await reader.readline():
            yield msgspec.json.decode(line, type=Event)


def _encode(*events: Event) -> bytes:
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
        writer.transport.abort()
    elif not writer.is_closing():
        writer.write(data)
