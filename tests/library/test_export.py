"""Exports: what is in the zip, who gets what, and that it is never held as a whole."""

import hashlib
import io
import json
import tracemalloc
import zipfile
from typing import Any

import httpx
import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from tests.stored import stored_path
from webapp.errors import NotFound
from webapp.policy.library.exports import ExportChoice, export_formats
from webapp.policy.library.fields import LibraryQuery
from webapp.services.container import Services

EXPORT = "/api/library/export"
LARGE_BYTES = 32 * 1024 * 1024


def _opened(answer: httpx.Response) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return archive, manifest


def _ids(answer: httpx.Response) -> list[str]:
    return [sound["id"] for sound in _opened(answer)[1]["sounds"]]


async def test_a_zip_holds_files_and_all_that_is_known_of_them(ann: User, make_sound: MakeSound) -> None:
    sound_id = await make_sound(ann.identity, "calm rain", title="Über/rain: 1", tags=("wet",))
    answer = await ann.http.get(EXPORT, params={"ids": sound_id, "formats": "wav,png"})
    archive, manifest = _opened(answer)
    names = [f"sounds/Über rain 1 {sound_id}.{suffix}" for suffix in ("wav", "png")]
    assert archive.namelist() == [*names, "manifest.json"]
    assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    read = {name: archive.read(name) for name in names}
    files = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in read.items()
    ]
    assert manifest["sounds"] == [
        {
            "id": sound_id, "title": "Über/rain: 1", "prompt": "calm rain", "model": "music", "duration": 8.0,
            "tags": ["wet"], "loopable": False, "is_public": True, "owner": "ann",
            "created_at": "2023-11-14T22:13:20Z", "seed": 7, "engine": "sketch",
            "engine_label": "sketch: rule-based, no model", "checkpoint": "", "license": "",
            "sample_rate": 32_000, "channels": 2, "loudness_lufs": -16.0, "true_peak_dbtp": -1.5,
            "quality_score": 90, "quality_reasons": [], "files": files,
        }
    ]  # fmt: skip
    assert (manifest["format"], manifest["version"], manifest["title"]) == ("soundloom-export", 1, "")
    assert "attachment" in answer.headers["content-disposition"]


async def test_lists_playlists_and_selections(ann: User, make_user: MakeUser, make_sound: MakeSound) -> None:
    bob = await make_user("bob")
    rain = await make_sound(ann.identity, "rain", is_public=False)
    wind = await make_sound(ann.identity, "wind")
    hers = await make_sound(bob.identity, "rain")
    secret = await make_sound(bob.identity, "rain", is_public=False)
    playlist: dict[str, Any] = {}
    for user in (ann, bob):
        playlist = (await user.http.post("/api/playlists", json={"name": "Night", "is_shared": True})).json()
        for sound_id in (wind, hers, rain if user is ann else secret):
            await user.http.post(f"/api/playlists/{playlist['id']}/tracks", json={"id": sound_id})
    await ann.http.post(f"/api/favorites/{hers}")
    get = ann.http.get
    assert _ids(await get(EXPORT)) == [wind, rain]
    assert _ids(await get(EXPORT, params={"q": "rain"})) == [rain]
    assert _ids(await get(EXPORT, params={"source": "public", "q": "rain"})) == [hers]
    assert _ids(await get(EXPORT, params={"source": "favorites"})) == [hers]
    assert _ids(await get(EXPORT, params={"ids": f"{hers},{rain},{hers}"})) == [hers, rain]
    # Of a shared playlist everybody gets what they may see in it.
    answer = await get(EXPORT, params={"playlist": playlist["id"]})
    assert _ids(answer) == [wind, hers]
    assert 'filename="Night soundloom.zip"' in answer.headers["content-disposition"]
    assert _opened(answer)[1]["title"] == "Night"


async def test_others_unpublished_sounds_are_unknown(
    ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, make_sound: MakeSound, services: Services
) -> None:
    root, bob = await make_user("root", is_admin=True), await make_user("bob")
    private = await make_sound(ann.identity, is_public=False)
    hidden = await make_sound(ann.identity)
    await services.library.moderation.hide(root.identity, hidden)
    for sound_id in (private, hidden, "f" * 20):
        for user in (bob, root):
            answer = await user.http.get(EXPORT, params={"ids": sound_id})
            assert_problem(answer, 404, "Sound not found")
    for scope in ("public", "own", "favorites"):
        answer = await bob.http.get(EXPORT, params={"source": scope})
        assert_problem(answer, 400, "There are no sounds to export")
    assert_problem(await anybody.get(EXPORT, params={"ids": private}), 401, "Authentication required")
    assert sorted(_ids(await ann.http.get(EXPORT))) == sorted([private, hidden])
    # Taken back after it was chosen, before it was written.
    published = await make_sound(ann.identity)
    choice = ExportChoice(export_formats(None), LibraryQuery(), (published,))
    export = await services.library.exports.choose(bob.identity, choice)
    await ann.http.patch(f"/api/library/{published}", json={"is_public": False})
    written = b"".join([piece async for piece in services.library.exports.write(bob.identity, export)])
    assert zipfile.ZipFile(io.BytesIO(written)).namelist() == ["manifest.json"]


async def test_wrong_wishes(ann: User, make_sound: MakeSound) -> None:
    await make_sound(ann.identity)
    for parameters, field in (
        ({"formats": "wav,exe"}, "formats"), ({"formats": ","}, "formats"), ({"ids": "x"}, "ids"),
        ({"ids": ",".join(f"{n:020x}" for n in range(501))}, "ids"), ({"source": "all"}, "source"),
    ):  # fmt: skip
        answer = await ann.http.get(EXPORT, params=parameters)
        assert answer.status_code == 400, parameters
        assert answer.json()["field"] == field
    assert_problem(await ann.http.get(EXPORT, params={"playlist": "x"}), 404, "Playlist not found")


@pytest.mark.parametrize("owner", ["x" * 2_000, "ü" * 600, "a\0b", "%"])
async def test_an_owner_that_is_nobody_has_nothing(ann: User, make_sound: MakeSound, owner: str) -> None:
    await make_sound(ann.identity, "rain")
    for source in ("own", "public", "favorites"):
        answer = await ann.http.get(EXPORT, params={"owner": owner, "source": source})
        assert answer.status_code in (200, 400, 404), answer.text


async def test_too_much_at_once(ann: User, make_sound: MakeSound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.services.library.export.MAX_EXPORTED", 1)
    for _ in range(2):
        await make_sound(ann.identity)
    answer = await ann.http.get(EXPORT)
    assert_problem(answer, 400, "At most 1 sounds can be exported at once")


async def test_an_archive_is_never_held_as_a_whole(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    sound_id = await make_sound(ann.identity)
    (key,) = await services.storage.keys()
    with stored_path(services, key, "sound.wav").open("wb") as file:
        file.truncate(LARGE_BYTES)
    choice = ExportChoice(export_formats("wav"), LibraryQuery(), (sound_id,))
    export = await services.library.exports.choose(ann.identity, choice)
    tracemalloc.start()
    try:
        written = 0
        async for piece in services.library.exports.write(ann.identity, export):
            written += len(piece)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written > LARGE_BYTES
    assert peak_bytes < LARGE_BYTES / 8


NAMES = ("sound.wav", "sound.flac")


async def _lose(services: Services, sound_id: str, *names: str) -> None:
    rows = await services.database.fetch("SELECT storage_key FROM sound WHERE generation_id = {}", sound_id)
    for name in names:
        stored_path(services, rows[0]["storage_key"], name).unlink()


async def test_what_has_lost_its_files_is_refused_and_named(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    whole, hurt, empty = [await make_sound(ann.identity) for _ in range(3)]
    await _lose(services, hurt, *NAMES)
    rows = await services.database.fetch("SELECT storage_key FROM sound WHERE generation_id = {}", empty)
    stored_path(services, rows[0]["storage_key"], "sound.flac").write_bytes(b"")
    playlist = (await ann.http.post("/api/playlists", json={"name": "Night"})).json()
    await ann.http.post(f"/api/playlists/{playlist['id']}/tracks", json={"id": hurt})
    for asked in ({"ids": hurt}, {"ids": f"{whole},{hurt}"}, {"playlist": playlist["id"]}):
        answer = await ann.http.get(EXPORT, params=asked)
        said = f"Nothing was exported: 1 sound lacks files: {hurt} (sound.flac)"
        assert_problem(answer, 404, said)
    everything = await ann.http.get(EXPORT)
    assert everything.status_code == 404
    assert "2 sounds lack files" in everything.text
    assert hurt in everything.text
    assert empty in everything.text
    both = await ann.http.get(EXPORT, params={"ids": hurt, "formats": "wav,flac"})
    assert "(sound.wav, sound.flac)" in both.text
    # What is there can be had.
    assert _ids(await ann.http.get(EXPORT, params={"ids": f"{whole},{hurt}", "formats": "mp3"})) == [
        whole,
        hurt,
    ]
    assert _ids(await ann.http.get(EXPORT, params={"ids": whole})) == [whole]


async def test_names_of_what_is_missing_are_bounded(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    for _ in range(12):
        await _lose(services, await make_sound(ann.identity), "sound.flac")
    answer = await ann.http.get(EXPORT)
    assert answer.status_code == 404
    assert "12 sounds lack files" in answer.text
    assert answer.json()["error"].count("sound.flac") == 10
    assert "and 2 more" in answer.json()["error"]


async def test_a_file_that_goes_while_it_is_sent_leaves_no_valid_zip(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    first, second = [await make_sound(ann.identity) for _ in range(2)]
    choice = ExportChoice(export_formats("wav,flac"), LibraryQuery(), (first, second))
    export = await services.library.exports.choose(ann.identity, choice)
    await _lose(services, second, "sound.flac")
    sent: list[bytes] = []

    async def send() -> None:
        async for piece in services.library.exports.write(ann.identity, export):
            sent.append(piece)  # noqa: PERF401 - what came before the end is what matters

    with pytest.raises(NotFound, match=second):
        await send()
    assert sent
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(sent)))


async def test_what_was_deleted_meanwhile_is_left_out_and_told(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    first, second = [await make_sound(ann.identity) for _ in range(2)]
    choice = ExportChoice(export_formats(None), LibraryQuery(), (first, second))
    export = await services.library.exports.choose(ann.identity, choice)
    await services.library.publishing.delete(ann.identity, first)
    written = b"".join([piece async for piece in services.library.exports.write(ann.identity, export)])
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(written)).read("manifest.json"))
    assert [sound["id"] for sound in manifest["sounds"]] == [second]
    assert manifest["left_out"] == [first]
