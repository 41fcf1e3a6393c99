"""Sounds at random: only published ones, each once in an answer, and all of them in the long run."""

from collections import Counter

import httpx
import pytest

from tests.api.client import User
from tests.library.conftest import MakeSound
from webapp.policy.library.fields import LibraryQuery
from webapp.services.container import Services

SOUNDS = 24
DRAWS = 60
COUNT = 4


@pytest.fixture
async def published(ann: User, make_sound: MakeSound) -> list[str]:
    """Published sounds, with unpublished ones in between."""
    made = [
        await make_sound(ann.identity, f"rain {number}", is_public=number % 4 != 0)
        for number in range(SOUNDS * 4 // 3)
    ]
    return [sound_id for number, sound_id in enumerate(made) if number % 4 != 0]


async def _drawn(services: Services, count: int, excluded: frozenset[str] = frozenset()) -> list[str]:
    items = await services.library.radio.shuffled(LibraryQuery(), count, excluded)
    return [item.sound_id for item in items]


async def test_every_published_sound_comes_and_no_other(services: Services, published: list[str]) -> None:
    draws = [await _drawn(services, COUNT) for _ in range(DRAWS)]
    assert all(len(set(draw)) == COUNT for draw in draws)
    heard = Counter(sound_id for draw in draws for sound_id in draw)
    assert heard.keys() == set(published)
    # Ten times each on average.
    assert max(heard.values()) <= 30
    assert len({tuple(draw) for draw in draws}) > DRAWS * 3 // 4


async def test_what_was_heard_does_not_come_again(services: Services, published: list[str]) -> None:
    heard: list[str] = []
    while fresh := await _drawn(services, COUNT, frozenset(heard)):
        assert not set(fresh) & set(heard)
        heard += fresh
    assert sorted(heard) == sorted(published)


async def test_a_short_list_is_played_whole(services: Services, published: list[str]) -> None:
    assert sorted(await _drawn(services, 50)) == sorted(published)


@pytest.mark.usefixtures("published")
async def test_the_endpoint(anybody: httpx.AsyncClient) -> None:
    answer = (await anybody.get("/api/radio/shuffle", params={"count": 3})).raise_for_status().json()
    assert (answer["total"], len({track["id"] for track in answer["tracks"]})) == (3, 3)
    one = answer["tracks"][0]
    assert one["filename"] == f"{one['id']}.wav"
    found = (await anybody.get("/api/radio/shuffle", params={"search": "rain 1 "})).json()["tracks"]
    # "rain 1" begins the words of 1 and of 10 to 19; those that 4 divides are not published.
    assert {track["prompt"] for track in found} == {f"rain {n}" for n in (1, *range(10, 20)) if n % 4}
    assert (await anybody.get("/api/radio/shuffle", params={"model": "voice"})).json()["tracks"] == []
    assert (await anybody.get("/api/radio/shuffle", params={"count": 51})).status_code == 400


async def test_the_manifest_leads_to_the_rest(anybody: httpx.AsyncClient) -> None:
    manifest = (await anybody.get("/api/manifest")).raise_for_status().json()
    assert manifest["name"] == "Soundloom"
    for name in ("openapi", "docs"):
        assert (await anybody.get(manifest[name])).status_code == 200
    for name in ("voices", "library", "radio", "status", "queue"):
        assert (await anybody.get(manifest["endpoints"][name])).status_code == 200
