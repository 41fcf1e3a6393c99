"""Whatever a thread opens for a task is closed, also when nobody waits for it any more."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

import pytest
from litestar.testing import RequestFactory

from webapp.http.files.file_response import FileAnswer
from webapp.storage.local import open_folder_file
from webapp.threads import open_in_thread


class Resource:
    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class SlowOpening:
    """Opens a resource when the test lets it."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.resource = Resource()

    def __call__(self) -> Resource:
        self.begun.set()
        assert self.may_end.wait(10)
        return self.resource


async def _until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 10)


async def test_what_is_waited_for_stays_open() -> None:
    opening = SlowOpening()
    opening.may_end.set()
    assert await open_in_thread(opening) is opening.resource
    assert not opening.resource.closed.is_set()


async def test_what_is_opened_after_a_cancellation_is_closed() -> None:
    opening = SlowOpening()
    task = asyncio.create_task(open_in_thread(opening))
    await _until(opening.begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opening.may_end.set()
    await _until(opening.resource.closed)


async def test_what_was_opened_before_the_task_went_on_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = Resource()

    async def cancelled_at_the_end(function: Callable[[], Resource]) -> Resource:
        function()
        raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "to_thread", cancelled_at_the_end)
    with pytest.raises(asyncio.CancelledError):
        await open_in_thread(lambda: resource)
    assert resource.closed.is_set()


async def test_an_error_while_opening_is_raised() -> None:
    def fails() -> Resource:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        await open_in_thread(fails)


def test_the_end_of_the_loop_closes_it_too() -> None:
    opening = SlowOpening()

    async def leave() -> None:
        task = asyncio.create_task(open_in_thread(opening))
        await _until(opening.begun)
        asyncio.get_running_loop().call_soon(opening.may_end.set)
        assert not task.done()

    asyncio.run(leave())
    assert opening.resource.closed.is_set()


async def test_a_file_answer_that_is_cancelled_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"sound")
    begun, may_end, handles = threading.Event(), threading.Event(), list[IO[bytes]]()
    closed = threading.Event()
    real_open = Path.open

    class Watched:
        def __init__(self, handle: IO[bytes]) -> None:
            self._handle = handle

        def fileno(self) -> int:
            return self._handle.fileno()

        def close(self) -> None:
            self._handle.close()
            closed.set()

    def slow_open(self: Path, mode: str) -> Watched:
        begun.set()
        assert may_end.wait(10)
        handles.append(real_open(self, "rb"))
        return Watched(handles[0])

    monkeypatch.setattr(Path, "open", slow_open)
    request = RequestFactory().get("/audio/x")
    answering: Awaitable[FileAnswer] = FileAnswer.of(open_folder_file(path), "audio/wav", request)
    task = asyncio.ensure_future(answering)
    await _until(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await _until(closed)
    assert handles[0].closed
