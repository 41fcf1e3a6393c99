"""`POST /generate`: the checks in their order, every refusal word for word, and what is answered."""

import asyncio
import json
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
from webapp.tables import Job

JSON = {"content-type": "application/json"}
LONG_PROMPT = "x" * 1001
REFUSED_CHARACTERS = "Prompt contains characters that are not allowed"
NO_NUMBER = "Duration must be a number of seconds"
NO_MODEL = "Model must be music, audio or magnet"
NO_BOOLEAN = "Loopable must be true or false"
NO_JSON = "Content-Type must be application/json"
TOO_DEEP = "Request body is nested too deeply"
NO_SEED = "Seed must be a whole number from 0 to 9223372036854775807"

SCRIPTS = [
    "x",
    "x" * 1000,
    " " * 500 + "x" * 1000 + "\n" * 500,
    "🧑‍🚀 plays the 🎷 in the 🌧️",
    "می‌خواهم باران",
    "שָׁלוֹם \u200fעולם",
    "\u0600١٢٣",
    "雨の音",
    "น้ำ\u200bไหล",
    "𓀀\U00013430𓀁",
    "\U0001fae8",
    "\ue000",
    '"; DROP TABLE job; --',
    "<script>alert(1)</script>",
    "%s %n {0} {{7*7}} ${x}",
]

# The body as it is sent, and what is wrong with it.
WRONG_FIELDS = [
    ("{}", "Prompt is required", "prompt"),
    ('{"prompt": null}', "Prompt is required", "prompt"),
    ('{"prompt": ""}', "Prompt is required", "prompt"),
    ('{"prompt": " \\t\\n\\u00a0\\u3000"}', "Prompt is required", "prompt"),
    ('{"prompt": "\\u200d\\u200e\\u00ad"}', "Prompt is required", "prompt"),
    ('{"prompt": 5}', "Prompt must be text", "prompt"),
    ('{"prompt": true}', "Prompt must be text", "prompt"),
    ('{"prompt": ["rain"]}', "Prompt must be text", "prompt"),
    ('{"prompt": {"text": "rain"}}', "Prompt must be text", "prompt"),
    (json.dumps({"prompt": LONG_PROMPT}), "Prompt is too long", "prompt"),
    ('{"prompt": "ra\\u0000in"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\u001bin"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "\\u001crain"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\u007fin"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\u0090in"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\u202ein"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\u2066in"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "ra\\ud800in"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "\\udc00"}', REFUSED_CHARACTERS, "prompt"),
    ('{"prompt": "rain", "duration": null}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": "8"}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": true}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": [8]}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": 1e400}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": -1e400}', NO_NUMBER, "duration"),
    (f'{{"prompt": "rain", "duration": 1{"0" * 400}}}', NO_NUMBER, "duration"),
    ('{"prompt": "rain", "duration": 0}', "Duration must be at least 1 second", "duration"),
    ('{"prompt": "rain", "duration": 0.999}', "Duration must be at least 1 second", "duration"),
    ('{"prompt": "rain", "duration": -30}', "Duration must be at least 1 second", "duration"),
    ('{"prompt": "rain", "duration": 180.001}', "Duration exceeds your tier limit", "duration"),
    ('{"prompt": "rain", "duration": 1e300}', "Duration exceeds your tier limit", "duration"),
    ('{"prompt": "rain", "model": null}', NO_MODEL, "model"),
    ('{"prompt": "rain", "model": "tts"}', NO_MODEL, "model"),
    ('{"prompt": "rain", "model": "Music"}', NO_MODEL, "model"),
    ('{"prompt": "rain", "model": ["music"]}', NO_MODEL, "model"),
    ('{"prompt": "rain", "model": {}}', NO_MODEL, "model"),
    ('{"prompt": "rain", "loopable": null}', NO_BOOLEAN, "loopable"),
    ('{"prompt": "rain", "loopable": 1}', NO_BOOLEAN, "loopable"),
    ('{"prompt": "rain", "loopable": "true"}', NO_BOOLEAN, "loopable"),
    ('{"prompt": "rain", "seed": -1}', NO_SEED, "seed"),
    ('{"prompt": "rain", "seed": 9223372036854775808}', NO_SEED, "seed"),
    ('{"prompt": "rain", "seed": 1.5}', NO_SEED, "seed"),
    ('{"prompt": "rain", "seed": 1e400}', NO_SEED, "seed"),
    ('{"prompt": "rain", "seed": true}', NO_SEED, "seed"),
    ('{"prompt": "rain", "seed": "7"}', NO_SEED, "seed"),
    ('{"prompt": "rain", "temperature": 5.1}', "Temperature must be a number from 0 to 5", "temperature"),
    ('{"prompt": "rain", "temperature": 1e400}', "Temperature must be a number from 0 to 5", "temperature"),
    ('{"prompt": "rain", "temperature": false}', "Temperature must be a number from 0 to 5", "temperature"),
    ('{"prompt": "rain", "top_k": 2049}', "Top k must be a whole number from 0 to 2048", "top_k"),
    ('{"prompt": "rain", "top_k": "250"}', "Top k must be a whole number from 0 to 2048", "top_k"),
    ('{"prompt": "rain", "top_p": -0.1}', "Top p must be a number from 0 to 1", "top_p"),
    ('{"prompt": "rain", "guidance": 20.5}', "Guidance must be a number from 0 to 20", "guidance"),
]  # fmt: skip

WRONG_BODIES = [
    (b"", JSON, 400, "Request body is empty"),
    (b"", {}, 400, "Request body is empty"),
    (b"{", JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "rain"', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "rain",}', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "rain", "duration": NaN}', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "rain", "duration": Infinity}', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "rain", "duration": -Infinity}', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "\xff\xfe"}', JSON, 400, "Request body is not valid JSON"),
    (b'{"prompt": "ra\nin"}', JSON, 400, "Request body is not valid JSON"),
    (b"[]", JSON, 400, "Request body must be a JSON object"),
    (b"null", JSON, 400, "Request body must be a JSON object"),
    (b'"rain"', JSON, 400, "Request body must be a JSON object"),
    (b"17", JSON, 400, "Request body must be a JSON object"),
    (b'{"prompt": "rain", "prompt": "storm"}', JSON, 400, "Request body has the same name twice"),
    (b'{"prompt": "rain", "x": ' + b"[" * 30_000, JSON, 400, TOO_DEEP),
    (b'{"prompt": "rain", "x": ' + b'{"a":' * 40 + b"1" + b"}" * 41, JSON, 400, TOO_DEEP),
    (b'{"prompt": "' + b"x" * 65_536 + b'"}', JSON, 413, "Request body is too large"),
    (b'{"prompt": "rain"}', {"content-type": "text/plain"}, 415, NO_JSON),
    (b"prompt=rain", {"content-type": "application/x-www-form-urlencoded"}, 415, NO_JSON),
    (b'{"prompt": "rain"}', {}, 415, NO_JSON),
    (b'{"prompt": "rain"}', {"content-type": "application/json; charset=utf-16"}, 415, NO_JSON),
]  # fmt: skip


async def _jobs(services: Services) -> int:
    return int((await services.database.fetch("SELECT COUNT(*) AS n FROM job"))[0]["n"])


class TestAccepted:
    async def test_the_answer(self, ann: User) -> None:
        answer = await ann.http.post("/generate", json={"prompt": "rain"})
        body = answer.json()
        assert answer.status_code == 201
        assert answer.headers["content-type"] == "application/json"
        assert body == {
            "job_id": body["job_id"], "status": "queued", "position": 1, "priority": "creator",
            "message": "Job queued at position 1", "success": True,
        }  # fmt: skip
        assert len(body["job_id"]) == 12
        assert set(body["job_id"]) <= set("0123456789abcdef")
        assert answer.headers["location"] == f"/job/{body['job_id']}"
        assert answer.headers["ratelimit-policy"] == '"hour";q=60;w=3600'
        assert answer.headers["ratelimit"] == '"hour";r=59;t=3600'
        assert (await ann.http.get(answer.headers["location"])).json()["job_id"] == body["job_id"]

    async def test_defaults(self, ann: User) -> None:
        job = (await ann.http.get(f"/job/{await ann.submit()}")).json()
        assert (job["duration"], job["model"], job["loopable"]) == (8, "music", False)

    async def test_every_field_is_taken(self, ann: User, services: Services) -> None:
        sent = {
            "duration": 2.5, "model": "audio", "loopable": True, "seed": 2**63 - 1, "temperature": 0.5,
            "top_k": 0, "top_p": 1, "guidance": 20, "unknown": {"is": ["ignored"]}, "tier": "admin",
        }  # fmt: skip
        job_id = await ann.submit("  storm\r\nover\tthe sea ", **sent)
        row = (await services.database.fetch("SELECT * FROM job WHERE job_id = {}", job_id))[0]
        assert row["prompt"] == "storm  over the sea"
        assert row["tier"] == "creator"
        for name in ("model", "seed", "temperature", "top_k", "top_p", "guidance"):
            assert row[name] == sent[name]
        assert (row["duration_s"], bool(row["is_loopable"])) == (2.5, True)

    async def test_any_script_is_kept(self, ann: User) -> None:
        for prompt in SCRIPTS:
            job_id = await ann.submit(prompt)
            assert (await ann.http.get(f"/job/{job_id}")).json()["prompt"] == prompt.strip()

    async def test_a_whole_number_may_be_written_with_a_point(self, ann: User) -> None:
        job_id = await ann.submit(seed=7.0, top_k=250.0)
        assert (await ann.http.get(f"/job/{job_id}")).json()["seed"] == 7

    async def test_null_leaves_an_extra_to_the_model(self, ann: User) -> None:
        await ann.submit(seed=None, temperature=None, top_k=None, top_p=None, guidance=None)

    async def test_a_drawn_seed_is_told(self, ann: User) -> None:
        job = (await ann.http.get(f"/job/{await ann.submit()}")).json()
        assert isinstance(job["seed"], int)
        assert job["seed"] >= 0

    async def test_each_tier_has_its_longest_clip(self, make_user: MakeUser) -> None:
        for tier, longest in (("free", 30), ("supporter", 60), ("premium", 120), ("creator", 180)):
            user = await make_user(tier, tier=tier)
            await user.submit(duration=longest)
            answer = await user.http.post("/generate", json={"prompt": "rain", "duration": longest + 0.5})
            assert_problem(answer, 400, "Duration exceeds your tier limit", "duration")

    async def test_an_admins_job_shows_it(self, make_user: MakeUser) -> None:
        admin = await make_user("root", tier="free", is_admin=True)
        answer = await admin.http.post("/generate", json={"prompt": "rain", "duration": 180})
        assert (answer.status_code, answer.json()["priority"]) == (201, "admin")

    async def test_the_position_is_among_processing_and_waiting_jobs(
        self, make_user: MakeUser, ann: User, hand: Hand
    ) -> None:
        bob = await make_user("bob", tier="free")
        await bob.submit()
        await hand.claim()
        await bob.submit()
        answer = await ann.http.post("/generate", json={"prompt": "rain"})
        assert answer.json()["position"] == 2
        assert answer.json()["message"] == "Job queued at position 2"


class TestRefused:
    async def test_wrong_fields(self, ann: User, services: Services) -> None:
        for body, text, field in WRONG_FIELDS:
            answer = await ann.http.post("/generate", content=body.encode(), headers=JSON)
            assert_problem(answer, 400, text, field)
            assert answer.headers["ratelimit"] == '"hour";r=60;t=0', body
        assert await _jobs(services) == 0

    async def test_wrong_bodies(self, ann: User, services: Services) -> None:
        for body, headers, status, text in WRONG_BODIES:
            answer = await ann.http.post("/generate", content=body, headers=headers)
            assert_problem(answer, status, text)
            assert answer.headers["ratelimit"] == '"hour";r=60;t=0', body[:50]
        assert await _jobs(services) == 0

    async def test_without_a_token(self, anybody: httpx.AsyncClient) -> None:
        answer = await anybody.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 401, "Authentication required")
        assert answer.headers["www-authenticate"] == 'Bearer realm="Soundloom"'
        assert answer.headers["ratelimit-policy"] == '"wrong-tokens";q=300;w=900'

    async def test_another_method(self, ann: User) -> None:
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = await ann.http.request(method, "/generate", headers={"accept": "application/json"})
            assert answer.status_code in {200, 303, 405}
            if answer.status_code == 405:
                assert_problem(answer, 405, "Method not allowed")
                assert "POST" in answer.headers["allow"]


class TestOrderOfChecks:
    """Each request is wrong in two neighbouring ways; the earlier check answers."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(
            data_dir=str(tmp_path), disk_reserve_mb=0, free_at_once=1, free_hourly=2, queue_limit=1
        )

    async def test_who_comes_before_what(self, anybody: httpx.AsyncClient) -> None:
        for body, headers in ((b"{", JSON), (b"x" * 70_000, JSON), (b"x", {"content-type": "text/plain"})):
            assert_problem(
                await anybody.post("/generate", content=body, headers=headers), 401, "Authentication required"
            )

    async def test_fields_before_the_tier(self, make_user: MakeUser) -> None:
        bob = await make_user("bob", tier="free")
        answer = await bob.http.post("/generate", json={"duration": 31})
        assert_problem(answer, 400, "Prompt is required", "prompt")
        answer = await bob.http.post("/generate", json={"prompt": "rain", "duration": 31, "model": "tts"})
        assert_problem(answer, 400, NO_MODEL, "model")

    async def test_the_tier_before_jobs_at_once(self, make_user: MakeUser) -> None:
        bob = await make_user("bob", tier="free")
        await bob.submit()
        answer = await bob.http.post("/generate", json={"prompt": "rain", "duration": 31})
        assert_problem(answer, 400, "Duration exceeds your tier limit", "duration")

    async def test_jobs_at_once_before_the_hour(self, make_user: MakeUser) -> None:
        bob = await make_user("bob", tier="free")
        await bob.http.post(f"/api/queue/{await bob.submit()}/cancel")
        await bob.submit()
        answer = await bob.http.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 429, "Too many jobs waiting; your tier allows 1")
        # Told is the limit that was hit, and nothing that would be over sooner.
        assert answer.headers["ratelimit-policy"] == '"jobs-at-once";q=1;qu="concurrent-requests"'
        assert answer.headers["ratelimit"] == f'"jobs-at-once";r=0;t={answer.headers["retry-after"]}'

    async def test_the_hour_before_the_queue(self, make_user: MakeUser) -> None:
        bob, eve = await make_user("bob", tier="free"), await make_user("eve", tier="free")
        for _ in range(2):
            await bob.http.post(f"/api/queue/{await bob.submit()}/cancel")
        await eve.submit()
        answer = await bob.http.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 429, "Rate limit exceeded")

    async def test_the_queue_comes_last(self, make_user: MakeUser, services: Services) -> None:
        bob, eve = await make_user("bob", tier="free"), await make_user("eve", tier="free")
        await eve.submit()
        answer = await bob.http.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 503, "Queue is full")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["ratelimit"] == '"hour";r=2;t=0'
        assert await _jobs(services) == 1


class TestLimits:
    async def test_the_rolling_hour(self, make_user: MakeUser, clock: ManualClock) -> None:
        bob = await make_user("bob", tier="free")
        for left in (2, 1, 0):
            answer = await bob.http.post("/generate", json={"prompt": "rain"})
            assert answer.headers["ratelimit"].startswith(f'"hour";r={left};')
            await bob.http.post(f"/api/queue/{answer.json()['job_id']}/cancel")
            clock.advance_s(600)
        answer = await bob.http.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 429, "Rate limit exceeded")
        assert answer.headers["retry-after"] == "1800"
        assert answer.headers["ratelimit"] == '"hour";r=0;t=1800'
        clock.advance_s(1800)
        await bob.submit()

    async def test_jobs_at_once_are_exact_whatever_arrives_together(self, make_user: MakeUser) -> None:
        for tier, at_once in (("free", 2), ("supporter", 5), ("premium", 10), ("creator", 20)):
            user = await make_user(tier, tier=tier)
            answers = await asyncio.gather(
                *(user.http.post("/generate", json={"prompt": "rain"}) for _ in range(at_once + 5))
            )
            assert Counter(answer.status_code for answer in answers) == {201: at_once, 429: 5}
            refused = next(answer for answer in answers if answer.status_code == 429)
            assert_problem(refused, 429, f"Too many jobs waiting; your tier allows {at_once}")

    async def test_the_queue_holds_a_hundred(self, make_user: MakeUser, services: Services) -> None:
        users = [await make_user(f"user{number}") for number in range(6)]
        answers = await asyncio.gather(
            *(user.http.post("/generate", json={"prompt": "rain"}) for user in users for _ in range(20))
        )
        assert Counter(answer.status_code for answer in answers) == {201: 100, 503: 20}
        assert await _jobs(services) == 100

    async def test_full_storage(self, ann: User, services: Services, hand: Hand) -> None:
        await ann.submit()
        await hand.complete(await hand.claim())
        await services.database.fetch("UPDATE sound SET bytes_total = {}", 5_000_000_000)
        answer = await ann.http.post("/generate", json={"prompt": "rain"})
        assert_problem(answer, 507, "Your storage is full; delete sounds you no longer need and try again")
        assert answer.headers["ratelimit"].startswith('"hour";r=59;')


async def test_a_job_is_there_once_it_is_answered(ann: User, services: Services) -> None:
    job_id = await ann.submit()
    assert await Job.exists().where(Job.job_id == job_id)
    queue: dict[str, Any] = (await ann.http.get("/queue-status")).json()
    assert [job["id"] for job in queue["jobs"]] == [job_id]
