"""Files of sounds over HTTP: none stays open when a request fails."""

from typing import Any, NoReturn

import httpx
import pytest

from tests.api.client import User
from tests.library.conftest import MakeSound
from webapp.api.library import files
from webapp.services.library.files import Sounds
from webapp.storage import StoredFile


@pytest.mark.parametrize("address", ["/audio/{}.wav", "/spectrogram/{}.png"])
async def test_a_file_is_opened_only_once_nothing_else_can_fail(
    ann: User,
    anybody: httpx.AsyncClient,
    make_sound: MakeSound,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    path = address.format(await make_sound(ann.identity))
    opened: list[object] = []
    real_open = Sounds.open

    async def watched(*arguments: Any) -> StoredFile:
        opened.append(arguments)
        return await real_open(*arguments)

    monkeypatch.setattr(Sounds, "open", watched)
    assert (await anybody.get(path)).status_code == 200
    assert len(opened) == 1

    def fails(*_: object) -> NoReturn:
        raise RuntimeError("the limit could not be read")

    monkeypatch.setattr(files, "announce", fails)
    assert (await anybody.get(path)).status_code == 500
    assert len(opened) == 1
