"""`takes` of `POST /generate`: several jobs of one request, accepted or refused together."""

from typing import Any

import pytest

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from webapp.tables import Job

WRONG = "Takes must be a whole number from 1 to 8"


async def _jobs(user: User) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await user.http.get("/api/jobs")).json()["items"]
    return listed[::-1]


async def test_every_take_is_a_job_with_a_seed_of_its_own(ann: User) -> None:
    answer = await ann.http.post("/generate", json={"prompt": "rain", "duration": 5, "takes": 4})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/job/{body['job_id']}"
    assert [job["job_id"] for job in body["jobs"]] == [job["job_id"] for job in await _jobs(ann)]
    assert [job["position"] for job in body["jobs"]] == [1, 2, 3, 4]
    assert body["jobs"][0] == {name: body[name] for name in ("job_id", "status", "position", "priority")}
    assert len({job["seed"] for job in await _jobs(ann)}) == 4
    assert answer.headers["ratelimit"].startswith('"hour";r=56')


async def test_without_takes_the_answer_is_as_it_was(ann: User) -> None:
    one = (await ann.http.post("/generate", json={"prompt": "rain", "takes": None})).json()
    assert list(one) == ["job_id", "status", "position", "priority", "message", "success"]
    listed = (await ann.http.post("/generate", json={"prompt": "rain", "takes": 1})).json()
    assert [job["job_id"] for job in listed["jobs"]] == [listed["job_id"]]


async def test_seeds_count_up_from_one_that_was_asked_for(ann: User) -> None:
    await ann.http.post("/generate", json={"prompt": "rain", "seed": 7, "takes": 3})
    assert [job["seed"] for job in await _jobs(ann)] == [7, 8, 9]


@pytest.mark.parametrize("takes", [0, 9, -1, 1.5, "2", True, [2], 1e400])
async def test_other_numbers_are_refused(ann: User, takes: object) -> None:
    content = '{"prompt": "rain", "takes": 1e400}' if takes == 1e400 else None
    json = None if content else {"prompt": "rain", "takes": takes}
    headers = {"content-type": "application/json"}
    answer = await ann.http.post("/generate", json=json, content=content, headers=headers)
    assert_problem(answer, 400, WRONG, "takes")


async def test_too_many_for_the_tier_are_refused_together(make_user: MakeUser) -> None:
    free = await make_user(tier="free")
    refused = await free.http.post("/generate", json={"prompt": "rain", "takes": 3})
    assert_problem(refused, 429, "Too many jobs waiting; your tier allows 2")
    assert not await Job.count()
    assert refused.headers["ratelimit"].startswith('"jobs-at-once"')
    both = await free.http.post("/generate", json={"prompt": "rain", "takes": 2})
    assert len(both.json()["jobs"]) == 2


async def test_a_repetition_under_a_key_is_answered_with_the_same_jobs(ann: User) -> None:
    request = {"json": {"prompt": "rain", "takes": 3}, "headers": {"idempotency-key": "k"}}
    first, again = [await ann.http.post("/generate", **request) for _ in range(2)]  # type: ignore[arg-type]
    assert first.content == again.content
    assert len(await _jobs(ann)) == 3


async def test_who_waits_is_answered_with_the_first_take(ann: User) -> None:
    answer = await ann.http.post(
        "/generate", json={"prompt": "rain", "takes": 2}, headers={"prefer": "wait=1"}
    )
    body = answer.json()
    assert body["status"] == "queued"
    assert [job["job_id"] for job in body["jobs"]] == [job["job_id"] for job in await _jobs(ann)]
    assert body["job_id"] == body["jobs"][0]["job_id"]
