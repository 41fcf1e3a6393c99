"""A file as an answer while something happens to it; what headers ask for is tested over the API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from litestar.testing import RequestFactory
from litestar.types import HTTPReceiveMessage, Message

from webapp.http.files.file_response import FileAnswer
from webapp.storage.local import CHUNK_BYTES, open_folder_file

SIZE = 2 * CHUNK_BYTES + 5
CONTENT = bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256)


class Reader:
    """The other end; does something when the first piece arrives."""

    def __init__(self, on_first_piece: Callable[[], object] | None = None) -> None:
        self.status = 0
        self.body = b""
        self.is_complete = False
        self._on_first_piece = on_first_piece

    async def receive(self) -> HTTPReceiveMessage:
        raise AssertionError("a file has nothing to ask")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            if not self.body and self._on_first_piece:
                self._on_first_piece()
            self.body += message["body"]
            self.is_complete = not message["more_body"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    path.write_bytes(CONTENT)
    return path


async def _answer(file: Path, reader: Reader, **headers: str) -> FileAnswer:
    request = RequestFactory().get("/audio/x", headers=headers)
    answer = await FileAnswer.of(open_folder_file(file), "audio/wav", request)
    await answer(cast("Any", request.scope), reader.receive, reader.send)
    return answer


async def test_it_comes_in_pieces_and_whole(file: Path) -> None:
    reader = Reader()
    await _answer(file, reader)
    assert (reader.status, reader.is_complete) == (200, True)
    assert reader.body == CONTENT


async def test_a_part_across_pieces(file: Path) -> None:
    reader = Reader()
    await _answer(file, reader, range=f"bytes=100-{CHUNK_BYTES + 200}")
    assert (reader.status, reader.body) == (206, CONTENT[100 : CHUNK_BYTES + 201])


async def test_a_file_that_is_deleted_meanwhile_is_still_sent_whole(file: Path) -> None:
    reader = Reader(on_first_piece=file.unlink)
    await _answer(file, reader)
    assert (reader.is_complete, reader.body) == (True, CONTENT)


async def test_a_file_that_shrinks_meanwhile_is_not_passed_off_as_whole(file: Path) -> None:
    reader = Reader(on_first_piece=lambda: file.write_bytes(b"short"))
    with pytest.raises(OSError, match="became shorter"):
        await _answer(file, reader)
    assert not reader.is_complete


async def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    reader = Reader()
    await _answer(tmp_path / "empty.wav", reader)
    assert (reader.status, reader.body, reader.is_complete) == (200, b"", True)
    reader = Reader()
    await _answer(tmp_path / "empty.wav", reader, range="bytes=0-")
    assert reader.status == 416


async def test_a_missing_file(tmp_path: Path) -> None:
    opening = open_folder_file(tmp_path / "none.wav")
    with pytest.raises(FileNotFoundError):
        await FileAnswer.of(opening, "audio/wav", RequestFactory().get("/"))
