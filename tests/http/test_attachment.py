"""Files sent while they are made: one that cannot be ended is never taken for a whole one."""

import asyncio
import io
import socket
import zipfile
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import pytest
import uvicorn
from litestar.types import Receive, Scope, Send

from webapp.errors import NotFound
from webapp.http.files.attachment import Attachment, disposition
from webapp.storage.zip_stream import Measured, ZipStream


class _NeverStops:
    async def wait(self) -> None:
        await asyncio.Event().wait()

    def is_set(self) -> bool:
        return False


async def _archive(*, breaks: bool) -> AsyncGenerator[bytes, None]:
    archive, content = ZipStream(), bytes(200_000)
    async for piece in archive.add("a", iter([content]), Measured.of(iter([content])), 0):
        yield piece
    if breaks:
        raise NotFound("The export broke off")
    yield archive.end()


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    breaks = cast("Any", scope)["path"] == "/breaks"
    answer = Attachment(_archive(breaks=breaks), "a.zip", "application/zip", cast("Any", _NeverStops()))
    await answer(scope, receive, send)


@pytest.mark.parametrize("protocol", ["httptools", "h11"])
async def test_an_archive_that_breaks_off_ends_in_a_broken_connection(protocol: str) -> None:
    config = uvicorn.Config(
        cast("Any", _app), lifespan="off", log_level="critical", http=cast("Any", protocol)
    )
    server = uvicorn.Server(config)
    # Whoever connects before the server is there waits for it.
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    running = asyncio.create_task(server.serve([listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            whole = await client.get("/whole")
            assert zipfile.ZipFile(io.BytesIO(whole.content)).testzip() is None
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/breaks")
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Night soundloom.zip", 'attachment; filename="Night soundloom.zip"'),
        (
            "रात .zip",
            "attachment; filename=\"___ .zip\"; filename*=UTF-8''%E0%A4%B0%E0%A4%BE%E0%A4%A4%20.zip",
        ),
        ('a"b\\c.zip', "attachment; filename=\"a_b_c.zip\"; filename*=UTF-8''a%22b%5Cc.zip"),
    ],
)
def test_names_in_any_script_are_told(name: str, header: str) -> None:
    assert disposition(name) == header
