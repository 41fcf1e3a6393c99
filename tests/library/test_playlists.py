"""Playlists: making, sharing, adding, taking out, reordering; who sees what of them."""

from typing import Any

import httpx
import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from webapp.clock import ManualClock

CREATED = "2023-11-14T22:13:20Z"


async def _make(user: User, *sound_ids: str, is_shared: bool = False) -> str:
    answer = await user.http.post("/api/playlists", json={"name": "Night", "is_shared": is_shared})
    assert answer.status_code == 201, answer.text
    path: str = answer.headers["location"]
    for sound_id in sound_ids:
        added = await user.http.post(f"{path}/tracks", json={"id": sound_id})
        assert added.status_code == 200, added.text
    return path


async def _tracks(client: httpx.AsyncClient, path: str) -> list[str]:
    playlist = (await client.get(path)).json()
    assert playlist["track_count"] == len(playlist["tracks"])
    return [item["id"] for item in playlist["tracks"]]


async def test_the_whole_life_of_a_playlist(ann: User, make_sound: MakeSound, clock: ManualClock) -> None:
    first, second, third = [await make_sound(ann.identity, is_public=False) for _ in range(3)]
    path = await _make(ann, first, second, first, third)
    told = {
        "id": path.rpartition("/")[2], "name": "Night", "owner": "ann", "is_shared": False, "track_count": 3,
        "created_at": CREATED, "created": CREATED, "updated_at": CREATED,
    }  # fmt: skip
    assert (await ann.http.get("/api/playlists")).json() == {
        "items": [told], "playlists": [told], "page": 1, "per_page": 100, "total": 1, "has_more": False,
    }  # fmt: skip
    assert await _tracks(ann.http, path) == [first, second, third]
    clock.advance_s(1)
    answer = await ann.http.put(f"{path}/reorder", json={"ids": [third, first, second]})
    assert [item["id"] for item in answer.json()["tracks"]] == [third, first, second]
    assert answer.json()["updated_at"] == "2023-11-14T22:13:21Z"
    for _ in range(2):
        answer = await ann.http.delete(f"{path}/tracks", params={"id": first})
        assert (answer.status_code, answer.json()["track_count"]) == (200, 2)
    await ann.http.post(f"{path}/tracks", json={"id": first})
    assert await _tracks(ann.http, path) == [third, second, first]
    answer = await ann.http.put(path, json={"name": "Day", "is_shared": True})
    assert (answer.json()["name"], answer.json()["is_shared"]) == ("Day", True)
    assert (await ann.http.delete(path)).status_code == 204
    assert_problem(await ann.http.get(path), 404, "Playlist not found")
    assert (await ann.http.get("/api/playlists")).json()["items"] == []


async def test_the_last_changed_comes_first(ann: User, clock: ManualClock) -> None:
    paths = []
    for _ in range(2):
        paths.append(await _make(ann))
        clock.advance_s(1)
    await ann.http.put(paths[0], json={"name": "again"})
    listed = (await ann.http.get("/api/playlists")).json()["playlists"]
    assert [f"/api/playlists/{entry['id']}" for entry in listed] == paths


@pytest.mark.parametrize("is_shared", [False, True])
async def test_others_change_nothing_and_see_only_what_is_shared_and_published(
    ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, make_sound: MakeSound, *, is_shared: bool
) -> None:
    bob = await make_user("bob")
    root = await make_user("root", is_admin=True)
    published = await make_sound(ann.identity)
    private = await make_sound(ann.identity, is_public=False)
    path = await _make(ann, private, published, is_shared=is_shared)
    for client in (anybody, bob.http, root.http):
        if is_shared:
            assert await _tracks(client, path) == [published]
        else:
            assert_problem(await client.get(path), 404, "Playlist not found")
    changes: list[tuple[str, str, dict[str, Any] | None]] = [
        ("PUT", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/tracks", {"id": published}),
        ("DELETE", f"{path}/tracks?id={published}", None),
        ("PUT", f"{path}/reorder", {"ids": [published]}),
    ]
    for method, at, body in changes:
        for user in (bob, root):
            assert_problem(await user.http.request(method, at, json=body), 404, "Playlist not found")
        assert_problem(await anybody.request(method, at, json=body), 401, "Authentication required")
    assert await _tracks(ann.http, path) == [private, published]


async def test_what_its_owner_took_back_is_gone_from_lists_and_returns_to_them(
    ann: User, make_user: MakeUser, make_sound: MakeSound
) -> None:
    bob = await make_user("bob")
    sounds = [await make_sound(ann.identity) for _ in range(3)]
    path = await _make(bob, *sounds)
    await ann.http.patch(f"/api/library/{sounds[0]}", json={"is_public": False})
    assert await _tracks(bob.http, path) == sounds[1:]
    answer = await bob.http.put(f"{path}/reorder", json={"ids": sounds[:0:-1]})
    assert answer.status_code == 200
    await ann.http.patch(f"/api/library/{sounds[0]}", json={"is_public": True})
    assert await _tracks(bob.http, path) == [sounds[2], sounds[1], sounds[0]]


async def test_nobody_adds_what_they_may_not_see(
    ann: User, make_user: MakeUser, make_sound: MakeSound
) -> None:
    bob = await make_user("bob")
    path = await _make(bob)
    private = await make_sound(ann.identity, is_public=False)
    for sound_id in (private, "f" * 20, "\0", "x" * 10_000):
        answer = await bob.http.post(f"{path}/tracks", json={"id": sound_id})
        assert_problem(answer, 404, "Sound not found")


async def test_wrong_bodies(ann: User, make_sound: MakeSound) -> None:
    sound_id = await make_sound(ann.identity)
    path = await _make(ann, sound_id)
    wrong: tuple[tuple[str, str | None, dict[str, Any], str, str | None], ...] = (
        ("POST", None, {}, "Name is required", "name"),
        ("POST", None, {"name": " "}, "Name is required", "name"),
        ("POST", None, {"name": "\u200b\ufeff"}, "Name is required", "name"),
        ("POST", None, {"name": 1}, "Name must be text", "name"),
        ("POST", None, {"name": "x" * 101}, "Name is longer than 100 characters", "name"),
        ("POST", None, {"name": "x", "is_shared": 1}, "is_shared must be true or false", "is_shared"),
        ("PUT", "", {}, "Nothing to change: send name or is_shared", None),
        ("PUT", "", {"name": ""}, "Name is required", "name"),
        ("PUT", "", {"name": "\u2060\u3164"}, "Name is required", "name"),
        ("POST", "/tracks", {}, "Id must be the id of a sound", "id"),
        ("POST", "/tracks", {"id": 1}, "Id must be the id of a sound", "id"),
        ("PUT", "/reorder", {}, "Ids must be a list of ids of sounds", "ids"),
        ("PUT", "/reorder", {"ids": [1]}, "Ids must be a list of ids of sounds", "ids"),
        ("PUT", "/reorder", {"ids": []}, "Ids must name each sound of the playlist once", "ids"),
        (
            "PUT",
            "/reorder",
            {"ids": [sound_id, sound_id]},
            "Ids must name each sound of the playlist once",
            "ids",
        ),
    )
    for method, end, body, text, field in wrong:
        answer = await ann.http.request(method, "/api/playlists" if end is None else path + end, json=body)
        assert_problem(answer, 400, text, field)


async def test_limits(ann: User, make_sound: MakeSound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.services.library.playlists.MAX_PLAYLISTS", 1)
    monkeypatch.setattr("webapp.services.library.playlists.MAX_TRACKS", 1)
    first, second = [await make_sound(ann.identity) for _ in range(2)]
    path = await _make(ann, first)
    answer = await ann.http.post(f"{path}/tracks", json={"id": second})
    assert_problem(answer, 409, "A playlist holds at most 1 sounds")
    assert_problem(
        await ann.http.post("/api/playlists", json={"name": "x"}), 409, "There may be at most 1 playlists"
    )


async def test_other_names_for_the_same(ann: User, make_sound: MakeSound) -> None:
    """As the clients of another server say it."""
    first, second = [await make_sound(ann.identity) for _ in range(2)]
    path = await _make(ann)
    for sound_id in (first, second):
        added = await ann.http.post(f"{path}/tracks", json={"generation_id": sound_id})
        assert added.status_code == 200, added.text
    await ann.http.put(f"{path}/reorder", json={"track_order": [second, first]})
    assert await _tracks(ann.http, path) == [second, first]
    taken = await ann.http.delete(f"{path}/tracks/{second}")
    assert (taken.status_code, taken.json()["track_count"]) == (200, 1)
    assert await _tracks(ann.http, path) == [first]
