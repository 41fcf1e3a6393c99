"""Who reaches what: strangers, other accounts, owners and admins, at every endpoint that names a sound."""

from typing import Any

import httpx
import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from webapp.services.container import Services

UNKNOWN = "f" * 20
# Method, path, body; the sound's id takes the place of {}.
CALLS: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/api/library/{}", None),
    ("POST", "/api/track/{}/play", None),
    ("POST", "/api/track/{}/download", None),
    ("POST", "/api/library/{}/vote", {"vote": 1}),
    ("POST", "/api/favorites/{}", None),
    ("DELETE", "/api/favorites/{}", None),
    ("PATCH", "/api/library/{}", {"title": "mine"}),
    ("DELETE", "/api/library/{}", None),
)
OPEN = 3
# For owner and admin, of a sound that is not published.
OWNER = (200, 200, 200, 200, 200, 200, 200, 204)
ADMIN = (200, 200, 200, 200, 200, 200, 403, 204)


async def _call(client: httpx.AsyncClient, number: int, sound_id: str) -> httpx.Response:
    method, path, body = CALLS[number]
    return await client.request(method, path.format(sound_id), json=body)


@pytest.fixture(params=["private", "hidden"])
async def secret(
    request: pytest.FixtureRequest, ann: User, make_user: MakeUser, make_sound: MakeSound, services: Services
) -> str:
    """A sound of Ann's that is not published, or was and is hidden by an admin."""
    if request.param == "private":
        return await make_sound(ann.identity, "secret whale", tags=("whale",), is_public=False, model="audio")
    sound_id = await make_sound(ann.identity, "secret whale", tags=("whale",), model="audio")
    warden = await make_user("warden", is_admin=True)
    await services.library.moderation.hide(warden.identity, sound_id, "too loud")
    return sound_id


class TestSingleSounds:
    async def test_what_is_not_published_is_unknown_to_others(
        self, ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, secret: str
    ) -> None:
        bob = await make_user("bob")
        root = await make_user("root", is_admin=True)
        for number in range(len(CALLS)):
            for sound_id in (secret, UNKNOWN, "x", "%00", secret.upper()):
                assert_problem(await _call(bob.http, number, sound_id), 404, "Sound not found")
            if number < OPEN:
                assert_problem(await _call(anybody, number, secret), 404, "Sound not found")
            else:
                assert_problem(await _call(anybody, number, secret), 401, "Authentication required")
            if number != len(CALLS) - 1:
                assert (await _call(ann.http, number, secret)).status_code == OWNER[number]
            assert (await _call(root.http, number, secret)).status_code == ADMIN[number]

    async def test_what_is_published_is_open_but_not_to_be_changed(
        self, ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, make_sound: MakeSound
    ) -> None:
        sound_id = await make_sound(ann.identity)
        bob = await make_user("bob")
        statuses = [(await _call(bob.http, number, sound_id)).status_code for number in range(len(CALLS))]
        assert statuses == [200, 200, 200, 200, 200, 200, 403, 403]
        statuses = [(await _call(anybody, number, sound_id)).status_code for number in range(len(CALLS))]
        assert statuses == [200, 200, 200, 401, 401, 401, 401, 401]

    async def test_the_owner_deletes_a_secret(self, ann: User, secret: str) -> None:
        assert (await ann.http.delete(f"/api/library/{secret}")).status_code == 204


class TestLists:
    async def test_no_filter_sort_or_count_tells_of_it(
        self, anybody: httpx.AsyncClient, make_user: MakeUser, secret: str
    ) -> None:
        bob = await make_user("bob")
        root = await make_user("root", is_admin=True)
        nothing = {"items": [], "page": 1, "per_page": 20, "total": 0, "has_more": False}
        for parameters in (
         "", "q=secret", "search=whale", "q=w", "model=audio", "owner=ann", "sort=votes", "sort=plays",
         "sort=quality", "sort=duration", "sort=created", "min_duration=1", "max_duration=100",
         "q=whale&sort=plays&owner=ann",
        ):  # fmt: skip
            for client in (anybody, bob.http, root.http):
                assert (await client.get(f"/api/library?{parameters}")).json() == nothing, parameters
            for client in (bob.http, root.http):
                for path in ("/api/my-generations", "/api/favorites"):
                    assert (await client.get(f"{path}?{parameters}")).json() == nothing, parameters
        assert (await anybody.get("/api/library/counts")).json()["total"] == 0

    async def test_the_owner_finds_it_among_their_own(self, ann: User, secret: str) -> None:
        for parameters in ("", "q=whale", "sort=votes", "model=audio", "owner=ann"):
            page = (await ann.http.get(f"/api/my-generations?{parameters}")).json()
            assert [item["id"] for item in page["items"]] == [secret], parameters
            assert page["total"] == 1

    async def test_showing_again_what_was_hidden(
        self,
        anybody: httpx.AsyncClient,
        ann: User,
        make_user: MakeUser,
        make_sound: MakeSound,
        services: Services,
    ) -> None:
        sound_id = await make_sound(ann.identity)
        root = (await make_user("root", is_admin=True)).identity
        moderation = services.library.moderation
        for act, total in ((moderation.hide, 0), (moderation.restore, 1)):
            await act(root, sound_id)
            assert (await anybody.get("/api/library")).json()["total"] == total

    async def test_own_lists_ask_for_an_account(self, anybody: httpx.AsyncClient) -> None:
        for path in ("/api/my-generations", "/api/favorites", "/api/playlists"):
            assert_problem(await anybody.get(path), 401, "Authentication required")
