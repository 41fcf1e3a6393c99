"""A storage that is away: 503 in plain words, for files and for whoever asks whether the server is ready."""

import asyncio

import httpx
import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import ann, anybody, app, make_user  # noqa: F401 fixtures, found by their names here
from tests.library.conftest import MakeSound, make_sound  # noqa: F401
from webapp.errors import StorageAway
from webapp.services.container import Services


@pytest.fixture
def _away(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(*_arguments: object, **_options: object) -> None:
        raise StorageAway("connection refused by 192.0.2.1")

    for name in ("open", "missing", "require"):
        monkeypatch.setattr(services.storage, name, refuses)


@pytest.mark.usefixtures("_away")
async def test_readiness_names_the_storage(anybody: httpx.AsyncClient) -> None:  # noqa: F811
    answer = await anybody.get("/readyz")
    assert (answer.status_code, "storage" in answer.text) == (503, True)
    assert "192.0.2.1" not in answer.text
    assert (await anybody.get("/healthz")).status_code == 200


async def test_a_storage_that_is_silent_is_away(
    anybody: httpx.AsyncClient,  # noqa: F811
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(services.storage, "require", silent)
    monkeypatch.setattr("webapp.services.shared.readiness.STORAGE_ANSWER_S", 0.01)
    assert (await anybody.get("/readyz")).status_code == 503


async def test_files_and_exports_are_for_later(
    ann: User,  # noqa: F811
    make_sound: MakeSound,  # noqa: F811
    request: pytest.FixtureRequest,
) -> None:
    sound_id = await make_sound(ann.identity)
    request.getfixturevalue("_away")
    for address in (
        f"/audio/{sound_id}.mp3", f"/spectrogram/{sound_id}.png", f"/api/library/export?ids={sound_id}",
    ):  # fmt: skip
        answer = await ann.http.get(address)
        assert_problem(answer, 503, StorageAway.message)
        assert int(answer.headers["retry-after"]) > 0
