"""Searches count by client address; looking through the library does not."""

from pathlib import Path

import httpx
import pytest

from tests.api.client import User, assert_problem
from webapp.clock import ManualClock
from webapp.settings import Settings

LIMIT = 3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, searches_per_address=LIMIT)


async def test_a_search_too_many_is_told_when_to_come_back(
    anybody: httpx.AsyncClient, clock: ManualClock
) -> None:
    for left in (2, 1, 0):
        answer = await anybody.get("/api/library", params={"q": f"rain {left}"})
        assert answer.status_code == 200
        assert answer.headers["ratelimit"].startswith(f'"searches";r={left};')
    refused = await anybody.get("/api/library", params={"q": "storm"})
    assert_problem(refused, 429, "Rate limit exceeded")
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit-policy"].startswith('"searches";q=3;w=60')
    page = await anybody.get("/library?q=storm", headers={"accept": "text/html"})
    assert page.status_code == 429
    clock.advance_s(20)
    assert (await anybody.get("/api/library", params={"q": "storm"})).status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "rain"},
        {"search": "rain"},
        {"owner": "ann"},
        {"min_duration": "1.5"},
        {"max_duration": "1.5"},
        {"page": "1000"},
    ],
)
async def test_what_counts(anybody: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    answer = await anybody.get("/api/library", params=parameters)
    assert answer.headers["ratelimit"].startswith('"searches";r=2;')


async def test_looking_through_the_library_does_not_count(anybody: httpx.AsyncClient, ann: User) -> None:
    for parameters in ({}, {"page": "2"}, {"sort": "votes"}, {"model": "music"}):
        for _ in range(LIMIT + 1):
            answer = await anybody.get("/api/library", params=parameters)
            assert answer.headers["ratelimit"].startswith('"searches";r=3;')
            assert (await anybody.get("/library", params=parameters)).status_code == 200


async def test_every_list_counts(anybody: httpx.AsyncClient, ann: User) -> None:
    for path in ("/api/my-generations", "/api/favorites", "/api/library"):
        assert (await ann.http.get(path, params={"q": "rain"})).status_code == 200
    export = await ann.http.get("/api/library/export", params={"q": "rain"})
    assert_problem(export, 429, "Rate limit exceeded")
    assert (await anybody.get("/library?q=storm")).status_code == 429


async def test_an_address_has_its_bounds(anybody: httpx.AsyncClient) -> None:
    for path in ("/api/library", "/library", "/healthz", "/nowhere"):
        many = await anybody.get(f"{path}?{'&'.join(['a=1'] * 101)}")
        assert_problem(many, 400, "The address has too many parameters")
        long = await anybody.get(f"{path}?a={'x' * 17_000}")
        assert_problem(long, 414, "The address is too long")
        assert long.json()["title"] == "URI Too Long"
