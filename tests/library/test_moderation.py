"""Moderation: who may, what others see of it, and what the list of it shows."""

import httpx

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from webapp.services.container import Services

LIST = "/api/moderation/sounds"


async def _ids(client: httpx.AsyncClient, **parameters: str) -> list[str]:
    answer = await client.get(LIST, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    return [item["sound"]["id"] for item in answer.json()["items"]]


async def test_hiding_and_restoring(
    ann: User,
    anybody: httpx.AsyncClient,
    make_user: MakeUser,
    make_sound: MakeSound,
    services: Services,
) -> None:
    root, bob = await make_user("root", is_admin=True), await make_user("bob")
    sound_id = await make_sound(ann.identity)
    path = f"{LIST}/{sound_id}"
    await bob.http.post(f"/api/favorites/{sound_id}")
    answer = await root.http.post(f"{path}/hide", json={"note": " too loud "})
    told = answer.json()
    assert told.pop("sound")["id"] == sound_id
    assert told == {
        "is_hidden": True, "note": "too loud", "moderator": "root", "moderated_at": "2023-11-14T22:13:20Z",
    }  # fmt: skip
    for client in (anybody, bob.http):
        assert_problem(await client.get(f"/api/library/{sound_id}"), 404, "Sound not found")
        assert (await client.get("/api/library")).json()["total"] == 0
    assert (await bob.http.get("/api/favorites")).json()["total"] == 0
    assert (await ann.http.get(f"/api/library/{sound_id}")).status_code == 200
    # Publishing it again does not undo what the admin did.
    await ann.http.patch(f"/api/library/{sound_id}", json={"is_public": True})
    assert (await anybody.get("/api/library")).json()["total"] == 0
    answer = await root.http.post(f"{path}/restore", json={})
    assert (answer.json()["is_hidden"], answer.json()["note"]) == (False, "too loud")
    assert (await bob.http.get("/api/favorites")).json()["total"] == 1
    answer = await root.http.put(f"{path}/note", json={"note": ""})
    assert (answer.json()["is_hidden"], answer.json()["note"]) == (False, None)
    lines = await services.admin.audit.entries(subject=sound_id)
    assert [(line.author, line.action) for line in reversed(lines)] == [
        ("root", "hide sound"), ("root", "show sound"), ("root", "note sound"),
    ]  # fmt: skip


async def test_the_list_by_state(ann: User, make_user: MakeUser, make_sound: MakeSound) -> None:
    root = await make_user("root", is_admin=True)
    seen, hidden, noted, unpublished = [await make_sound(ann.identity, f"rain {n}") for n in range(4)]
    private = await make_sound(ann.identity, "rain 4", is_public=False)
    for sound_id in (hidden, unpublished):
        await root.http.post(f"{LIST}/{sound_id}/hide", json={})
    await root.http.put(f"{LIST}/{noted}/note", json={"note": "look again"})
    await ann.http.patch(f"/api/library/{unpublished}", json={"is_public": False})
    assert await _ids(root.http) == [unpublished, noted, hidden, seen]
    assert await _ids(root.http, show="seen") == [noted, seen]
    assert await _ids(root.http, show="hidden", q="rain") == [unpublished, hidden]
    assert await _ids(root.http, show="moderated", owner="ann") == [unpublished, noted, hidden]
    assert private not in await _ids(root.http)
    first = await root.http.get(LIST, params={"per_page": "1"})
    second = await root.http.get(first.links["next"]["url"])
    assert [item["sound"]["id"] for item in second.json()["items"]] == [noted]


async def test_only_admins_moderate(
    ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, make_sound: MakeSound
) -> None:
    root = await make_user("root", is_admin=True)
    sound_id = await make_sound(ann.identity)
    calls: tuple[tuple[str, str, dict[str, str] | None], ...] = (
        ("GET", LIST, None),
        ("POST", f"{LIST}/{sound_id}/hide", {}),
        ("POST", f"{LIST}/{sound_id}/restore", {}),
        ("PUT", f"{LIST}/{sound_id}/note", {"note": "x"}),
    )
    for method, path, body in calls:
        assert_problem(await ann.http.request(method, path, json=body), 403, "Only admins can do this")
        assert_problem(await anybody.request(method, path, json=body), 401, "Authentication required")
        if sound_id in path:
            unknown = path.replace(sound_id, "f" * 20)
            assert_problem(await root.http.request(method, unknown, json=body), 404, "Sound not found")
    assert_problem(await root.http.put(f"{LIST}/{sound_id}/note", json={}), 400, "Note is required", "note")
    for note in (1, "x" * 501, "a\0"):
        answer = await root.http.post(f"{LIST}/{sound_id}/hide", json={"note": note})
        assert (answer.status_code, answer.json()["field"]) == (400, "note")
