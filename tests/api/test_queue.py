"""The public queue, what skipping costs, and cancel and skip."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.api.client import Hand, User, assert_problem
from tests.api.conftest import MakeUser
from tests.factories import report_progress
from webapp.clock import ManualClock
from webapp.services.container import Services
from webapp.settings import Settings


class TestPublicQueue:
    async def test_empty(self, anybody: httpx.AsyncClient) -> None:
        assert (await anybody.get("/queue-status")).json() == {
            "queue_length": 0, "current_job": None, "jobs": [],
        }  # fmt: skip
        assert (await anybody.get("/api/queue")).json() == {
            "jobs": [], "current_job": None, "total": 0, "paused": False,
        }  # fmt: skip

    async def test_in_short(
        self, ann: User, make_user: MakeUser, hand: Hand, anybody: httpx.AsyncClient
    ) -> None:
        bob, root = await make_user("bob", tier="free", aura=10), await make_user("root", is_admin=True)
        first, other = await ann.submit(), await ann.submit(model="audio")
        await hand.claim()
        await hand.claim()
        slow, quick, admins = await bob.submit(), await ann.submit(), await root.submit(model="magnet")
        paid = await bob.submit()
        await bob.http.post(f"/api/queue/{paid}/skip")
        assert (await anybody.get("/queue-status")).json() == {
            "queue_length": 6,
            "current_job": first,
            "jobs": [
                {"id": first, "status": "processing", "model": "music", "priority": "creator", "position": 1},
                {"id": other, "status": "processing", "model": "audio", "priority": "creator", "position": 2},
                {"id": paid, "status": "queued", "model": "music", "priority": "skipped", "position": 3},
                {"id": admins, "status": "queued", "model": "magnet", "priority": "admin", "position": 4},
                {"id": quick, "status": "queued", "model": "music", "priority": "creator", "position": 5},
                {"id": slow, "status": "queued", "model": "music", "priority": "free", "position": 6},
            ],
        }

    async def test_in_full(
        self, ann: User, hand: Hand, services: Services, anybody: httpx.AsyncClient
    ) -> None:
        running, waiting = await ann.submit(duration=30), await ann.submit(duration=2.5)
        await report_progress(services, await hand.claim(), 67)
        queue = (await anybody.get("/api/queue")).json()
        assert (queue["current_job"], queue["total"]) == (running, 2)
        for job in queue["jobs"]:
            del job["expected_start"]
        assert queue["jobs"] == [
            {
                "id": running, "status": "processing", "model": "music", "duration": 30,
                "priority": "creator", "created": "2023-11-14T22:13:20Z",
                "created_at": "2023-11-14T22:13:20Z",
                "progress": "Generating audio... 67%", "progress_pct": 67,
                "position": 1, "reason": None,
            },
            {
                "id": waiting, "status": "queued", "model": "music", "duration": 2.5, "priority": "creator",
                "created": "2023-11-14T22:13:20Z", "created_at": "2023-11-14T22:13:20Z",
                "progress": "Waiting in queue...", "progress_pct": 0,
                "position": 2, "reason": "tier",
            },
        ]  # fmt: skip

    @pytest.mark.both_databases
    async def test_nothing_private_is_shown(
        self, ann: User, services: Services, anybody: httpx.AsyncClient
    ) -> None:
        job_id = await ann.submit("a secret of mine", seed=424242)
        rows = await services.database.fetch("SELECT generation_id FROM job WHERE job_id = {}", job_id)
        for path in ("/queue-status", "/api/queue", "/status"):
            text = (await anybody.get(path)).text
            for private in ("secret", "424242", rows[0]["generation_id"], "ann"):
                assert private not in text

    async def test_skip_pricing(self, anybody: httpx.AsyncClient) -> None:
        assert (await anybody.get("/api/queue/skip-pricing")).json() == {
            "pricing": [
                {"max_duration": 10, "cost": 1, "label": "Short SFX"},
                {"max_duration": 30, "cost": 3, "label": "Medium clip"},
                {"max_duration": 60, "cost": 5, "label": "Long SFX"},
                {"max_duration": 120, "cost": 10, "label": "Song"},
                {"max_duration": 999, "cost": 15, "label": "Long song"},
            ],
            "currency": "aura",
            "description": "Pay with Aura to skip the queue and get your audio faster",
        }


class TestCancel:
    async def test_a_waiting_job(self, ann: User) -> None:
        job_id = await ann.submit()
        answer = await ann.http.post(f"/api/queue/{job_id}/cancel")
        assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Job cancelled"})
        assert answer.headers["ratelimit-policy"] == '"cancel";q=60;w=3600'
        assert answer.headers["ratelimit"] == '"cancel";r=59;t=3600'
        assert (await ann.http.get("/queue-status")).json()["jobs"] == []

    async def test_a_body_makes_no_difference(self, ann: User) -> None:
        job_id = await ann.submit()
        answer = await ann.http.post(f"/api/queue/{job_id}/cancel", json={"anything": 1})
        assert answer.status_code == 200

    @pytest.mark.both_databases
    async def test_what_cannot_be_cancelled(
        self, ann: User, make_user: MakeUser, hand: Hand, anybody: httpx.AsyncClient
    ) -> None:
        bob, job_id = await make_user("bob"), await ann.submit()
        path = f"/api/queue/{job_id}/cancel"
        assert_problem(await anybody.post(path), 401, "Authentication required")
        assert_problem(await bob.http.post(path), 403, "Not authorized to cancel this job")
        claim = await hand.claim()
        answer = await ann.http.post(path)
        assert_problem(answer, 400, "Cannot cancel a job that is already processing")
        assert answer.headers["ratelimit"].startswith('"cancel";r=60;')
        assert_problem(await bob.http.post(path), 403, "Not authorized to cancel this job")
        await hand.complete(claim)
        assert_problem(await ann.http.post(path), 400, "Job is not in queue")
        for unknown in ("000000000000", "x", "%00", "skip-pricing"):
            assert_problem(await ann.http.post(f"/api/queue/{unknown}/cancel"), 404, "Job not found")

    async def test_twice(self, ann: User) -> None:
        path = f"/api/queue/{await ann.submit()}/cancel"
        answers = await asyncio.gather(*(ann.http.post(path) for _ in range(4)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 3}

    @pytest.mark.both_databases
    async def test_an_admin_may_and_has_no_limit(
        self, ann: User, make_user: MakeUser, services: Services
    ) -> None:
        root = await make_user("root", is_admin=True)
        answer = await root.http.post(f"/api/queue/{await ann.submit()}/cancel")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers
        for _ in range(services.settings.cancel_hourly + 1):
            assert_problem(await root.http.post("/api/queue/000000000000/cancel"), 404, "Job not found")

    async def test_what_was_paid_comes_back(self, ann: User) -> None:
        job_id = await ann.submit_behind(duration=30)
        await ann.http.post(f"/api/queue/{job_id}/skip")
        await ann.http.post(f"/api/queue/{job_id}/cancel")
        assert (await ann.http.get("/api/me")).json()["aura_balance"] == 50


class TestSkip:
    async def test_a_waiting_job(self, ann: User) -> None:
        await ann.submit()
        job_id = await ann.submit(duration=30)
        answer = await ann.http.post(f"/api/queue/{job_id}/skip")
        assert (answer.status_code, answer.json()) == (200, {
            "success": True, "message": "Skipped to front of queue for 3 Aura", "cost": 3, "new_balance": 47,
        })  # fmt: skip
        assert answer.headers["ratelimit-policy"] == '"skip";q=30;w=3600'
        assert answer.headers["ratelimit"] == '"skip";r=29;t=3600'
        assert (await ann.http.get("/queue-status")).json()["jobs"][0]["id"] == job_id

    async def test_each_price(self, make_user: MakeUser) -> None:
        rich = await make_user("rich", aura=1000)
        for duration, cost in (
            (1, 1), (10, 1), (10.5, 3), (30, 3), (30.01, 5), (60, 5), (61, 10), (120, 10), (120.5, 15),
            (180, 15),
        ):  # fmt: skip
            job_id = await rich.submit_behind(duration=duration)
            answer = await rich.http.post(f"/api/queue/{job_id}/skip")
            assert (duration, answer.json()["cost"]) == (duration, cost)

    async def test_what_cannot_be_skipped(
        self, ann: User, make_user: MakeUser, hand: Hand, anybody: httpx.AsyncClient
    ) -> None:
        bob, root = await make_user("bob"), await make_user("root", is_admin=True, aura=9)
        job_id = await ann.submit_behind()
        path = f"/api/queue/{job_id}/skip"
        assert_problem(await anybody.post(path), 401, "Authentication required")
        for other in (bob, root):
            assert_problem(await other.http.post(path), 403, "Not authorized")
        poor = await bob.submit_behind()
        assert_problem(await bob.http.post(f"/api/queue/{poor}/skip"), 400, "Insufficient Aura balance")
        assert (await ann.http.post(path)).status_code == 200
        assert_problem(await ann.http.post(path), 400, "Job already skipped")
        claim = await hand.claim()
        assert_problem(await ann.http.post(path), 400, "Cannot skip a job that is already processing")
        await hand.complete(claim)
        assert_problem(await ann.http.post(path), 400, "Job is not in queue")
        answer = await ann.http.post("/api/queue/000000000000/skip")
        assert_problem(answer, 404, "Job not found")
        assert answer.headers["ratelimit"].startswith('"skip";r=29;')
        assert (await ann.http.get("/api/me")).json()["aura_balance"] == 49

    async def test_at_the_same_instant_one_is_paid(self, ann: User) -> None:
        path = f"/api/queue/{await ann.submit_behind(duration=30)}/skip"
        answers = await asyncio.gather(*(ann.http.post(path) for _ in range(10)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 9}
        assert (await ann.http.get("/api/me")).json()["aura_balance"] == 47


class TestHourlyLimits:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, cancel_hourly=2, skip_hourly=2)

    @pytest.mark.both_databases
    async def test_each_action_has_its_own(self, ann: User, clock: ManualClock) -> None:
        jobs: list[str] = []
        for action in ("cancel", "skip"):
            jobs = [await ann.submit_behind() for _ in range(3)]
            for left, job_id in zip((1, 0), jobs, strict=False):
                answer = await ann.http.post(f"/api/queue/{job_id}/{action}")
                assert answer.headers["ratelimit"] == f'"{action}";r={left};t=3600'
            answer = await ann.http.post(f"/api/queue/{jobs[2]}/{action}")
            assert_problem(answer, 429, "Rate limit exceeded")
            assert answer.headers["retry-after"] == "3600"
            assert answer.headers["ratelimit-policy"] == f'"{action}";q=2;w=3600'
            assert answer.headers["ratelimit"] == f'"{action}";r=0;t=3600'
        clock.advance_s(3600)
        assert (await ann.http.post(f"/api/queue/{jobs[2]}/skip")).status_code == 200

    async def test_what_is_refused_costs_nothing(self, ann: User, make_user: MakeUser) -> None:
        bob, job_id = await make_user("bob"), await ann.submit()
        for action in ("cancel", "skip"):
            for user, of in ((ann, "0" * 12), (bob, job_id), (bob, await bob.submit_behind())):
                answer = await user.http.post(f"/api/queue/{of}/{'skip' if user is bob else action}")
                assert answer.status_code in {400, 403, 404}
                assert ";r=2;t=0" in answer.headers["ratelimit"]
        assert_problem(await ann.http.post(f"/api/queue/{job_id}/skip"), 400, "Job is already at the front")
        assert (await ann.http.get("/api/me")).json()["aura_balance"] == 50
