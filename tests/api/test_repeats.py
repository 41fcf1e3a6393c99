"""`Idempotency-Key`: a request that is sent again is carried out once, and answered as the first time."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.client import Hand, User, assert_problem
from tests.api.conftest import MakeUser
from webapp.clock import ManualClock
from webapp.services.container import Services
from webapp.settings import Settings

DAY_S = 86_400
REUSED = "Idempotency-Key was already used with another request"
BAD_KEY = "Idempotency-Key must be 1 to 255 printable characters"


async def _post(user: User, key: str = "k", **body: Any) -> httpx.Response:
    return await user.http.post(
        "/generate", json={"prompt": "rain", **body}, headers={"idempotency-key": key}
    )


async def _count(services: Services, table: str) -> int:
    return int((await services.database.fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"])


class TestGenerate:
    async def test_the_first_answer_is_given_again(self, ann: User, services: Services, hand: Hand) -> None:
        first = await _post(ann)
        await hand.complete(await hand.claim())
        again = await _post(ann)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["ratelimit"] == '"hour";r=59;t=3600'
        assert await _count(services, "job") == 1

    async def test_twenty_at_once_make_one_job(self, ann: User, services: Services) -> None:
        answers = await asyncio.gather(*(_post(ann) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert await _count(services, "job") == 1
        assert await _count(services, "idempotency_key") == 1

    @pytest.mark.both_databases
    async def test_twenty_different_bodies_at_once_make_one_job(self, ann: User, services: Services) -> None:
        answers = await asyncio.gather(*(_post(ann, seed=number) for number in range(20)))
        assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
        assert await _count(services, "job") == 1

    async def test_another_body_is_refused(self, ann: User, services: Services) -> None:
        await _post(ann)
        for body in ({"duration": 9}, {"prompt": "storm"}, {"unknown": 1}):
            answer = await _post(ann, **body)
            assert_problem(answer, 422, REUSED)
            assert "ratelimit" in answer.headers
        assert await _count(services, "job") == 1

    async def test_the_order_of_members_makes_no_other_body(self, ann: User) -> None:
        headers = {"idempotency-key": "k", "content-type": "application/json"}
        bodies = (b'{"prompt": "rain", "duration": 9}', b'{"duration":9,"prompt":"rain"}')
        answers = [await ann.http.post("/generate", content=body, headers=headers) for body in bodies]
        assert answers[0].status_code == 201
        assert answers[0].content == answers[1].content

    async def test_a_key_is_the_accounts_own(self, ann: User, make_user: MakeUser) -> None:
        bob = await make_user("bob")
        assert (await _post(ann)).json()["job_id"] != (await _post(bob)).json()["job_id"]
        assert (await _post(bob, duration=9)).status_code == 422

    async def test_for_a_day(self, ann: User, services: Services, clock: ManualClock) -> None:
        first = await _post(ann)
        clock.advance_s(DAY_S - 1)
        assert (await _post(ann)).content == first.content
        clock.advance_s(1)
        later = await _post(ann, duration=9)
        assert later.status_code == 201
        assert later.json()["job_id"] != first.json()["job_id"]
        assert await _count(services, "idempotency_key") == 1

    async def test_only_successes_are_kept(self, make_user: MakeUser, services: Services) -> None:
        bob = await make_user("bob", tier="free")
        assert (await _post(bob, duration=31)).status_code == 400
        assert (await _post(bob, duration=0)).status_code == 400
        jobs = [(await _post(bob, str(number))).json()["job_id"] for number in range(2)]
        assert (await _post(bob)).status_code == 429
        assert await _count(services, "idempotency_key") == 2
        await bob.http.post(f"/api/queue/{jobs[0]}/cancel")
        assert (await _post(bob)).status_code == 201

    async def test_it_is_looked_up_before_the_limits(self, make_user: MakeUser, services: Services) -> None:
        bob = await make_user("bob", tier="supporter")
        first = await _post(bob, duration=60)
        await services.accounts.registry.set_tier(bob.identity.account_id, "free")
        await bob.submit()
        assert (await _post(bob, "other")).status_code == 429
        assert (await _post(bob, "other", duration=60)).status_code == 400
        assert (await _post(bob, duration=60)).content == first.content

    async def test_a_refused_key(self, ann: User, services: Services) -> None:
        for key in ("", "x" * 256, "a\tb", "a\x7fb"):
            assert_problem(await _post(ann, key), 400, BAD_KEY, "Idempotency-Key")
        raw = [(b"idempotency-key", "clé".encode())]
        answer = await ann.http.post("/generate", json={"prompt": "rain"}, headers=raw)
        assert_problem(answer, 400, BAD_KEY, "Idempotency-Key")
        twice = [("idempotency-key", "a"), ("idempotency-key", "b")]
        answer = await ann.http.post("/generate", json={"prompt": "rain"}, headers=twice)
        assert_problem(answer, 400, "Idempotency-Key came more than once", "Idempotency-Key")
        assert await _count(services, "job") == 0

    async def test_any_printable_key(self, ann: User) -> None:
        keys = ("x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "' OR 1=1 --", "a b")
        jobs = [(await _post(ann, key)).json()["job_id"] for key in keys]
        assert len(set(jobs)) == len(keys)

    @pytest.mark.both_databases
    async def test_a_quoted_key_is_the_same_key(self, ann: User) -> None:
        for plain, quoted in (("k", '"k"'), ('a "b" \\c', '"a \\"b\\" \\\\c"')):
            first, again = await _post(ann, plain), await _post(ann, quoted)
            assert again.json()["job_id"] == first.json()["job_id"]
        # Parameters of a string mean nothing, and so do blanks around it.
        for same in ('"k";a=1', '"k"; a="x;y";b', '"k";*a=?1', ' "k"'):
            assert (await _post(ann, same)).json()["job_id"] == (await _post(ann, "k")).json()["job_id"], same
        # What is no string is taken as it is.
        others = [await _post(ann, key) for key in ('"k', 'k"', '"k"x', '"k\\"', "'k'", '"k";', '"k";A')]
        assert len({answer.json()["job_id"] for answer in others}) == len(others)
        assert_problem(await _post(ann, '""'), 400, BAD_KEY, "Idempotency-Key")

    @pytest.mark.both_databases
    async def test_neither_job_nor_key_is_left_when_the_two_cannot_be_kept(
        self, ann: User, services: Services
    ) -> None:
        await services.database.fetch("DROP TABLE idempotency_key")
        answer = await _post(ann)
        # PostgreSQL names the missing table, and the answer says that the database cannot be used.
        assert answer.status_code == (500 if services.database.dialect == "sqlite" else 503)
        assert await _count(services, "job") == 0

    async def test_the_key_itself_is_not_stored(self, ann: User, services: Services) -> None:
        await _post(ann, "a-key-to-look-for")
        rows = await services.database.fetch("SELECT * FROM idempotency_key")
        assert "a-key-to-look-for" not in str(rows)


class TestSkip:
    async def test_it_is_paid_once(self, ann: User) -> None:
        path, headers = f"/api/queue/{await ann.submit_behind()}/skip", {"idempotency-key": "k"}
        answers = [await ann.http.post(path, headers=headers) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert answers[2].json()["new_balance"] == 49
        assert answers[2].headers["ratelimit"] == '"skip";r=29;t=3600'
        assert_problem(await ann.http.post(path), 400, "Job already skipped")

    @pytest.mark.both_databases
    async def test_ten_at_once_pay_once(self, ann: User) -> None:
        path, headers = f"/api/queue/{await ann.submit_behind()}/skip", {"idempotency-key": "k"}
        answers = await asyncio.gather(*(ann.http.post(path, headers=headers) for _ in range(10)))
        assert Counter((answer.status_code, answer.content) for answer in answers).most_common()[0][1] == 10
        assert (await ann.http.get("/api/me")).json()["aura_balance"] == 49
        again = await ann.http.post(path, headers=headers)
        assert again.headers["ratelimit"] == '"skip";r=29;t=3600'

    @pytest.mark.both_databases
    async def test_another_job_or_another_request_is_refused(self, ann: User) -> None:
        first, second = await ann.submit_behind(), await ann.submit()
        headers = {"idempotency-key": "k"}
        assert (await ann.http.post(f"/api/queue/{first}/skip", headers=headers)).status_code == 200
        assert_problem(await ann.http.post(f"/api/queue/{second}/skip", headers=headers), 422, REUSED)
        assert_problem(await _post(ann), 422, REUSED)

    async def test_a_refused_skip_is_not_kept(self, make_user: MakeUser, services: Services) -> None:
        bob = await make_user("bob")
        path, headers = f"/api/queue/{await bob.submit_behind()}/skip", {"idempotency-key": "k"}
        assert_problem(await bob.http.post(path, headers=headers), 400, "Insufficient Aura balance")
        await services.accounts.aura.grant(bob.identity.account_id, 5, reason="test", author="root")
        assert (await bob.http.post(path, headers=headers)).status_code == 200


class TestSkipAtItsLimit:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, skip_hourly=1)

    async def test_a_repetition_counts_for_nothing(self, ann: User) -> None:
        path, headers = f"/api/queue/{await ann.submit_behind()}/skip", {"idempotency-key": "k"}
        for _ in range(3):
            assert (await ann.http.post(path, headers=headers)).status_code == 200
        other = f"/api/queue/{await ann.submit_behind()}/skip"
        assert (await ann.http.post(other)).status_code == 429
