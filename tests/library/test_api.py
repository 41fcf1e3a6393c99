"""The library over the API: every endpoint, its whole answers and its errors, on both databases."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from webapp.clock import ManualClock
from webapp.services.container import Services

UNKNOWN = "f" * 20
CREATED = "2023-11-14T22:13:20Z"


async def _ids(client: httpx.AsyncClient, path: str = "/api/library", **parameters: Any) -> list[str]:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


class TestBrowsing:
    async def test_an_item_has_exactly_these_fields(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        sound_id = await make_sound(ann.identity, "calm rain", tags=("Rain", "night"), title="Drops")
        item = {
            "id": sound_id, "filename": f"{sound_id}.wav", "title": "Drops", "prompt": "calm rain",
            "model": "music", "duration": 8.0, "tags": ["Rain", "night"], "upvotes": 0, "downvotes": 0,
            "plays": 0, "downloads": 0, "quality_score": 90, "seed": 7, "engine": "sketch", "license": None,
            "loopable": False, "is_public": True, "owner": "ann", "created_at": CREATED,
            "created": CREATED,
            "audio_url": f"/audio/{sound_id}.wav", "spectrogram_url": f"/spectrogram/{sound_id}.png",
        }  # fmt: skip
        assert (await anybody.get(f"/api/library/{sound_id}")).json() == item
        assert (await anybody.get("/api/library")).json() == {
            "items": [item], "page": 1, "per_page": 20, "total": 1, "has_more": False,
        }  # fmt: skip

    async def test_a_search_marks_what_it_found(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        await make_sound(ann.identity, "<i>rain</i> fall", title="Über")
        (item,) = (await anybody.get("/api/library", params={"q": "rai UBE"})).json()["items"]
        assert item["snippet"] == {
            "title": [{"text": "Übe", "is_match": True}, {"text": "r", "is_match": False}],
            "prompt": [
                {"text": "<i>", "is_match": False},
                {"text": "rai", "is_match": True},
                {"text": "n</i> fall", "is_match": False},
            ],
        }

    async def test_an_empty_library(self, anybody: httpx.AsyncClient) -> None:
        empty = {"items": [], "page": 1, "per_page": 20, "total": 0, "has_more": False}
        assert (await anybody.get("/api/library")).json() == empty
        counts = {"music": 0, "audio": 0, "magnet": 0, "voice": 0, "total": 0}
        assert (await anybody.get("/api/library/counts")).json() == counts

    async def test_pages_hold_each_sound_once_newest_first(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        made = [await make_sound(ann.identity) for _ in range(5)]
        pages = [await _ids(anybody, page=page, per_page=2) for page in (1, 2, 3, 4)]
        assert pages == [made[:2:-1], made[2:0:-1], made[:1], []]
        answers = [(await anybody.get(f"/api/library?page={page}&per_page=2")).json() for page in (2, 3)]
        assert [(answer["total"], answer["has_more"]) for answer in answers] == [(5, True), (5, False)]

    async def test_links_lead_through_each_order_while_others_are_added(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        made = [
            await make_sound(ann.identity, quality_score=50 + number % 2, duration_s=4.5 + number % 2)
            for number in range(5)
        ]
        await ann.http.post(f"/api/library/{made[1]}/vote", json={"vote": 1})
        for sort in ("created", "votes", "plays", "duration", "quality", None):
            order = {"sort": sort} if sort else {}
            expected = await _ids(anybody, per_page=100, **order)
            found: list[str] = []
            path: str | None = f"/api/library?{urlencode({'per_page': 4, 'q': 'rain', **order})}"
            while path:
                answer = await anybody.get(path)
                found += [item["id"] for item in answer.json()["items"]]
                await make_sound(ann.identity, quality_score=99, duration_s=20)
                path = answer.links["next"]["url"] if answer.json()["has_more"] else None
                assert ("next" in answer.links) == (path is not None)
                assert len(found) < 50
            assert [sound_id for sound_id in found if sound_id in expected] == expected, sort
            assert len(found) == len(set(found))

    async def test_a_link_leads_on_in_its_own_list_only(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        for _ in range(4):
            await make_sound(ann.identity)
        path = (await anybody.get("/api/library?sort=votes&per_page=2")).links["next"]["url"]
        assert len((await anybody.get(path.replace("per_page=2", "per_page=1"))).json()["items"]) == 1
        for other in (path.replace("votes", "plays"), f"{path}&q=rain", path.replace("sort=votes", "")):
            answer = await anybody.get(other)
            assert (answer.status_code, answer.json()["error"]) == (400, "Cursor is not one of this list")

    async def test_sorts_and_filters(
        self, ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, make_sound: MakeSound
    ) -> None:
        bob = await make_user("Bob")
        short = await make_sound(ann.identity, duration_s=2.0, quality_score=30, model="audio")
        long = await make_sound(bob.identity, duration_s=20.0, quality_score=60)
        middle = await make_sound(ann.identity, duration_s=8.0, quality_score=90)
        await ann.http.post(f"/api/library/{short}/vote", json={"vote": 1})
        await ann.http.post(f"/api/library/{middle}/vote", json={"vote": -1})
        await anybody.post(f"/api/track/{long}/play")
        assert await _ids(anybody, sort="created") == [middle, long, short]
        assert await _ids(anybody, sort="votes") == [short, long, middle]
        assert await _ids(anybody, sort="plays") == [long, middle, short]
        assert await _ids(anybody, sort="duration") == [long, middle, short]
        assert await _ids(anybody, sort="quality") == [middle, long, short]
        for other, name in (("recent", "created"), ("popular", "plays"), ("rating", "votes")):
            assert await _ids(anybody, sort=other) == await _ids(anybody, sort=name)
        assert await _ids(anybody, min_duration=8) == [middle, long]
        assert await _ids(anybody, max_duration=8, sort="duration") == [middle, short]
        assert await _ids(anybody, min_duration=2.5, max_duration=19.5) == [middle]
        assert await _ids(anybody, model="audio") == [short]
        assert await _ids(anybody, model="voice") == []
        assert await _ids(anybody, owner="ANN") == [middle, short]
        assert await _ids(anybody, owner="nobody") == []
        assert await _ids(anybody, owner="ann\0") == []
        assert (await anybody.get("/api/library/counts")).json() == {
            "music": 2, "audio": 1, "magnet": 0, "voice": 0, "total": 3,
        }  # fmt: skip

    async def test_wrong_parameters(self, ann: User) -> None:
        for parameters in (
         "page=0", "page=x", "page=100001", "per_page=0", "per_page=101", "model=tts", "sort=best",
         "min_duration=-1", "max_duration=-0.5", "min_duration=9&max_duration=8",
         "min_duration=x", "min_duration=nan", "max_duration=inf", "max_duration=1e999", "cursor=x",
         "cursor=é",
         "cursor=WzAsIDcsIDdd", f"cursor={'A' * 39}", f"cursor={'A' * 40}", "cursor=" + "_" * 9_000,
        ):  # fmt: skip
            for path in ("/api/library", "/api/my-generations", "/api/favorites"):
                answer = await ann.http.get(f"{path}?{parameters}")
                assert answer.status_code == 400, parameters
                assert answer.headers["content-type"] == "application/problem+json"

    async def test_an_untitled_sound_shows_the_beginning_of_its_prompt(
        self, ann: User, make_sound: MakeSound
    ) -> None:
        sound_id = await make_sound(ann.identity, "rain " * 40)
        title = (await ann.http.get(f"/api/library/{sound_id}")).json()["title"]
        assert title == "rain " * 14 + "rain…"


class TestChanging:
    async def test_title_tags_and_publication(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
    ) -> None:
        sound_id = await make_sound(ann.identity, is_public=False)
        path = f"/api/library/{sound_id}"
        answer = await ann.http.patch(
            path, json={"title": "  Über ", "tags": ["Pad", "pad", " warm "], "x": 1}
        )
        assert answer.status_code == 200
        assert (answer.json()["title"], answer.json()["tags"]) == ("Über", ["Pad", "warm"])
        assert not answer.json()["is_public"]
        assert (await ann.http.patch(path, json={"is_public": True})).json()["title"] == "Über"
        assert [await _ids(anybody, q=word) for word in ("uber", "pad", "rain")] == [[sound_id]] * 3
        await ann.http.patch(path, json={"title": "", "tags": []})
        assert [await _ids(anybody, q=word) for word in ("uber", "pad", "rain")] == [[], [], [sound_id]]

    async def test_wrong_changes(self, ann: User, make_sound: MakeSound) -> None:
        sound_id = await make_sound(ann.identity)
        wrong: tuple[tuple[dict[str, Any], str, str | None], ...] = (
            ({}, "Nothing to change: send title, tags or is_public", None),
            ({"title": None}, "Title must be text", "title"),
            ({"title": "x" * 101}, "Title is longer than 100 characters", "title"),
            ({"title": "a\0b"}, "Title contains characters that are not allowed", "title"),
            ({"title": "a\u202eb"}, "Title contains characters that are not allowed", "title"),
            ({"tags": "rain"}, "Tags must be a list of words", "tags"),
            ({"tags": [1]}, "A tag must be text", "tags"),
            ({"tags": [" "]}, "A tag must not be empty", "tags"),
            ({"tags": ["\u200b"]}, "A tag must not be empty", "tags"),
            ({"tags": ["x" * 31]}, "A tag is longer than 30 characters", "tags"),
            ({"tags": [str(number) for number in range(11)]}, "There may be at most 10 tags", "tags"),
            ({"is_public": 1}, "is_public must be true or false", "is_public"),
        )
        for body, text, field in wrong:
            assert_problem(await ann.http.patch(f"/api/library/{sound_id}", json=body), 400, text, field)

    async def test_deleting_removes_rows_and_files_and_leaves_the_job(
        self, ann: User, make_user: MakeUser, make_sound: MakeSound, services: Services
    ) -> None:
        bob = await make_user("bob")
        sound_id = await make_sound(ann.identity)
        playlist = (await bob.http.post("/api/playlists", json={"name": "a"})).json()["id"]
        await bob.http.post(f"/api/playlists/{playlist}/tracks", json={"id": sound_id})
        await bob.http.post(f"/api/favorites/{sound_id}")
        await bob.http.post(f"/api/library/{sound_id}/vote", json={"vote": 1})
        assert (await ann.http.delete(f"/api/library/{sound_id}")).status_code == 204
        assert_problem(await ann.http.get(f"/api/library/{sound_id}"), 404, "Sound not found")
        assert_problem(await ann.http.delete(f"/api/library/{sound_id}"), 404, "Sound not found")
        assert_problem(await ann.http.get(f"/audio/{sound_id}.wav"), 404, "Audio not found")
        assert list(await services.storage.keys()) == []
        assert await _ids(bob.http, "/api/favorites") == []
        assert (await bob.http.get(f"/api/playlists/{playlist}")).json()["tracks"] == []
        for table in ("sound", "library_item", "sound_vote", "favorite", "playlist_track"):
            assert await services.database.fetch(f"SELECT * FROM {table}") == [], table
        assert (await ann.http.get("/api/library", params={"q": "rain"})).json()["total"] == 0
        assert [job["status"] for job in (await ann.http.get("/api/jobs")).json()["jobs"]] == ["completed"]

    async def test_an_admin_deletes_anybodys_and_changes_nobodys(
        self, ann: User, make_user: MakeUser, make_sound: MakeSound, services: Services
    ) -> None:
        root = await make_user("root", is_admin=True)
        sound_id = await make_sound(ann.identity, is_public=False)
        answer = await root.http.patch(f"/api/library/{sound_id}", json={"title": "x"})
        assert_problem(answer, 403, "Not authorized to change this sound")
        assert (await root.http.delete(f"/api/library/{sound_id}")).status_code == 204
        (line,) = await services.admin.audit.entries(subject=sound_id)
        assert (line.author, line.action, line.detail) == ("root", "delete sound", "ann")


class TestVoting:
    async def test_one_vote_each_changed_and_taken_back(
        self, ann: User, make_user: MakeUser, make_sound: MakeSound
    ) -> None:
        bob = await make_user("bob")
        path = f"/api/library/{await make_sound(ann.identity)}/vote"

        async def vote(user: User, vote: int) -> dict[str, Any]:
            answer = await user.http.post(path, json={"vote": vote})
            assert answer.status_code == 200, answer.text
            body: dict[str, Any] = answer.json()
            return body

        assert await vote(ann, 1) == {"success": True, "upvotes": 1, "downvotes": 0, "user_vote": 1}
        assert await vote(ann, 1) == {"success": True, "upvotes": 1, "downvotes": 0, "user_vote": 1}
        assert await vote(bob, -1) == {"success": True, "upvotes": 1, "downvotes": 1, "user_vote": -1}
        assert await vote(ann, -1) == {"success": True, "upvotes": 0, "downvotes": 2, "user_vote": -1}
        assert await vote(bob, 0) == {"success": True, "upvotes": 0, "downvotes": 1, "user_vote": 0}
        assert await vote(bob, 0) == {"success": True, "upvotes": 0, "downvotes": 1, "user_vote": 0}

    async def test_wrong_votes(self, ann: User, make_sound: MakeSound) -> None:
        path = f"/api/library/{await make_sound(ann.identity)}/vote"
        for body in ({}, {"vote": 2}, {"vote": None}, {"vote": True}, {"vote": "1"}, {"vote": 1.5}):
            assert_problem(await ann.http.post(path, json=body), 400, "Vote must be 1, -1 or 0", "vote")

    @pytest.mark.parametrize(
        ("name", "path"), [("vote", "/api/library/{}/vote"), ("favorite", "/api/favorites/{}")]
    )
    async def test_a_hundred_in_an_hour(
        self, ann: User, make_sound: MakeSound, clock: ManualClock, name: str, path: str
    ) -> None:
        path = path.format(await make_sound(ann.identity))
        for left in range(99, -1, -1):
            answer = await ann.http.post(path, json={"vote": 1})
            assert answer.headers["ratelimit"] == f'"{name}";r={left};t=3600'
        answer = await ann.http.post(path, json={"vote": 1})
        assert_problem(answer, 429, "Rate limit exceeded")
        assert answer.headers["retry-after"] == "3600"
        assert answer.headers["ratelimit-policy"] == f'"{name}";q=100;w=3600'
        clock.advance_s(3600)
        assert (await ann.http.post(path, json={"vote": 1})).status_code == 200


class TestFavorites:
    async def test_twice_is_once(self, ann: User, make_user: MakeUser, make_sound: MakeSound) -> None:
        bob = await make_user("bob")
        first, second = [await make_sound(ann.identity) for _ in range(2)]
        for sound_id in (first, first, second):
            answer = await bob.http.post(f"/api/favorites/{sound_id}")
            assert answer.json() == {"success": True, "favorited": True}
        assert await _ids(bob.http, "/api/favorites") == [second, first]
        assert await _ids(ann.http, "/api/favorites") == []
        for _ in range(2):
            answer = await bob.http.delete(f"/api/favorites/{first}")
            assert answer.json() == {"success": True, "favorited": False}
        assert await _ids(bob.http, "/api/favorites", q="rain") == [second]

    async def test_what_was_taken_back_is_not_shown_and_can_be_let_go(
        self, ann: User, make_user: MakeUser, make_sound: MakeSound
    ) -> None:
        bob = await make_user("bob")
        sound_id = await make_sound(ann.identity)
        for user in (ann, bob):
            await user.http.post(f"/api/favorites/{sound_id}")
        await ann.http.patch(f"/api/library/{sound_id}", json={"is_public": False})
        assert (await bob.http.get("/api/favorites")).json()["total"] == 0
        assert await _ids(ann.http, "/api/favorites") == [sound_id]
        assert (await bob.http.delete(f"/api/favorites/{sound_id}")).json()["favorited"] is False
        assert_problem(await bob.http.delete(f"/api/favorites/{sound_id}"), 404, "Sound not found")


class TestPlays:
    async def test_once_a_minute_per_listener(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound, clock: ManualClock
    ) -> None:
        path = f"/api/track/{await make_sound(ann.identity)}"
        assert [(await anybody.post(f"{path}/play")).json() for _ in range(3)] == [{"plays": 1}] * 3
        assert (await ann.http.post(f"{path}/play")).json() == {"plays": 2}
        clock.advance_s(60)
        assert (await anybody.post(f"{path}/play")).json() == {"plays": 3}
        assert [(await anybody.post(f"{path}/download")).json() for _ in range(2)] == [{"downloads": 1}] * 2

    async def test_a_wrong_token_is_no_stranger(self, anybody: httpx.AsyncClient) -> None:
        for headers in ({"authorization": "Bearer wrong"}, {"authorization": ""}):
            answer = await anybody.post(f"/api/track/{UNKNOWN}/play", headers=headers)
            assert_problem(answer, 401, "Authentication required")
