"""Jobs: each state with its fields, the list, another try, and who may see what."""

import asyncio
import json

import httpx
import pytest

from tests.api.client import Hand, User, assert_problem
from tests.api.conftest import MakeUser
from tests.factories import report_progress
from webapp.clock import ManualClock
from webapp.services.container import Services

CREATED = "2023-11-14T22:13:20Z"
COMMON = {
    "model": "audio", "prompt": "storm", "duration": 30, "priority": "creator", "loopable": True, "seed": 7,
    "created": CREATED, "created_at": CREATED, "retry_count": 0,
}  # fmt: skip


async def _submit(user: User) -> str:
    return await user.submit("storm", duration=30, model="audio", loopable=True, seed=7)


class TestStates:
    """The whole answer in each state, so that a field that goes or comes is noticed."""

    async def test_queued(self, ann: User) -> None:
        job_id = await _submit(ann)
        answer = await ann.http.get(f"/job/{job_id}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == {
            **COMMON, "job_id": job_id, "status": "queued", "position": 1, "expected_start": None,
            "progress": "Waiting in queue...", "progress_pct": 0, "stream_url": f"/job/{job_id}/stream",
        }  # fmt: skip

    async def test_processing(self, ann: User, hand: Hand, services: Services, clock: ManualClock) -> None:
        job_id = await _submit(ann)
        clock.advance_s(2)
        claim = await hand.claim()
        await report_progress(services, claim, 45)
        job = (await ann.http.get(f"/job/{job_id}")).json()
        job.pop("expected_start", None)
        assert job == {
            **COMMON, "job_id": job_id, "status": "processing", "position": 1,
            "started": "2023-11-14T22:13:22Z", "progress": "Generating audio... 45%", "progress_pct": 45,
            "attempt": 1, "stream_url": f"/job/{job_id}/stream",
        }  # fmt: skip

    async def test_completed(self, ann: User, hand: Hand, clock: ManualClock) -> None:
        job_id = await _submit(ann)
        claim = await hand.claim()
        clock.advance_s(5)
        await hand.complete(claim)
        job = (await ann.http.get(f"/job/{job_id}")).json()
        name = job["generation_id"]
        assert len(name) == 20
        assert name != job_id
        assert job == {
            **COMMON, "job_id": job_id, "status": "completed", "progress": "Done", "progress_pct": 100,
            "attempt": 1,
            "started": CREATED, "completed": "2023-11-14T22:13:25Z", "generation_id": name,
            "filename": f"{name}.wav", "audio_url": f"/audio/{name}.wav",
            "spectrogram_url": f"/spectrogram/{name}.png",
            "quality_score": 90, "quality_reasons": [], "engine": "sketch",
            "engine_label": "sketch: rule-based, no model", "checkpoint": None, "license": None,
            "sample_rate": 32000, "loudness_lufs": -16.0,
            "formats": {kind: f"/audio/{name}.{kind}" for kind in ("wav", "flac", "ogg", "mp3")},
        }  # fmt: skip
        assert isinstance(job["quality_score"], int)

    async def test_completed_and_its_sound_deleted(
        self, ann: User, hand: Hand, services: Services, clock: ManualClock
    ) -> None:
        job_id = await _submit(ann)
        clock.advance_s(5)
        await hand.complete(await hand.claim())
        before = (await ann.http.get(f"/job/{job_id}")).json()
        await services.library.publishing.delete(ann.identity, before["generation_id"])
        job = (await ann.http.get(f"/job/{job_id}")).json()
        gone = {
            "generation_id", "filename", "audio_url", "spectrogram_url", "quality_score", "quality_reasons",
            "engine", "engine_label", "checkpoint", "license", "sample_rate", "loudness_lufs", "formats",
        }  # fmt: skip
        assert job == {
            **before, **dict.fromkeys(gone), "deleted": True, "message": "The sound of this job was deleted",
        }  # fmt: skip
        assert (await ann.http.get("/api/jobs")).json()["jobs"] == [job]
        stream = (await ann.http.get(f"/job/{job_id}/events")).text
        told = next(line for line in stream.splitlines() if line.startswith("data: "))
        assert json.loads(told.removeprefix("data: ")) == job

    @pytest.mark.both_databases
    async def test_failed(self, ann: User, hand: Hand) -> None:
        job_id = await _submit(ann)
        await hand.fail(await hand.claim())
        job = (await ann.http.get(f"/job/{job_id}")).json()
        assert (job["status"], job["error"], job["retry_count"]) == ("failed", "GPU memory exhausted", 2)
        assert job["ended"] == CREATED
        assert not {"audio_url", "spectrogram_url", "generation_id", "position", "completed"} & job.keys()

    async def test_cancelled(self, ann: User) -> None:
        job_id = await _submit(ann)
        await ann.http.post(f"/api/queue/{job_id}/cancel")
        job = (await ann.http.get(f"/job/{job_id}")).json()
        assert (job["status"], job["ended"]) == ("cancelled", CREATED)
        assert not {"error", "audio_url", "generation_id", "position", "completed"} & job.keys()

    async def test_a_skipped_job_shows_it(self, ann: User) -> None:
        job_id = await ann.submit_behind()
        await ann.http.post(f"/api/queue/{job_id}/skip")
        assert (await ann.http.get(f"/job/{job_id}")).json()["priority"] == "skipped"


class TestWhoMaySee:
    async def test_the_owner_and_admins(self, ann: User, make_user: MakeUser) -> None:
        job_id = await ann.submit()
        bob, root = await make_user("bob"), await make_user("root", tier="free", is_admin=True)
        for path in (f"/job/{job_id}", f"/job/{job_id}/events"):
            assert_problem(await bob.http.get(path), 403, "Not authorized to view this job")
        assert (await root.http.get(f"/job/{job_id}")).json()["job_id"] == job_id

    async def test_nobody_without_a_token(self, ann: User, anybody: httpx.AsyncClient) -> None:
        job_id = await ann.submit()
        for path in (f"/job/{job_id}", f"/job/{job_id}/events", "/job/000000000000", "/api/jobs"):
            assert_problem(await anybody.get(path), 401, "Authentication required")

    @pytest.mark.both_databases
    async def test_what_is_no_job(self, ann: User) -> None:
        for job_id in ("000000000000", "x", "A1B2C3D4E5F6", "%00", "%2e%2e", "é", "'", "1" * 5000):
            for path in (f"/job/{job_id}", f"/job/{job_id}/events"):
                assert_problem(await ann.http.get(path), 404, "Job not found")
        assert_problem(await ann.http.get("/job/a/b"), 404, "Not found")


class TestList:
    async def test_newest_first_and_only_ones_own(
        self, ann: User, make_user: MakeUser, clock: ManualClock
    ) -> None:
        bob = await make_user("bob")
        await bob.submit()
        jobs = []
        for _ in range(3):
            jobs.append(await ann.submit())
            clock.advance_s(1)
        answer = (await ann.http.get("/api/jobs")).json()
        assert [job["job_id"] for job in answer["jobs"]] == jobs[::-1]
        assert (answer["page"], answer["per_page"], answer["has_more"]) == (1, 20, False)
        assert answer["jobs"][0] == (await ann.http.get(f"/job/{jobs[2]}")).json()

    async def test_by_state(self, ann: User, hand: Hand) -> None:
        jobs = {"completed": await ann.submit()}
        await hand.complete(await hand.claim())
        jobs["failed"] = await ann.submit()
        await hand.fail(await hand.claim())
        jobs["processing"] = await ann.submit()
        await hand.claim()
        jobs["cancelled"] = await ann.submit()
        await ann.http.post(f"/api/queue/{jobs['cancelled']}/cancel")
        jobs["queued"] = await ann.submit()
        for status, job_id in jobs.items():
            listed = (await ann.http.get("/api/jobs", params={"status": status})).json()["jobs"]
            assert [(job["job_id"], job["status"]) for job in listed] == [(job_id, status)]

    async def test_pages(self, ann: User, clock: ManualClock) -> None:
        jobs = []
        for _ in range(5):
            jobs.append(await ann.submit())
            clock.advance_s(1)
        seen = []
        for page, has_more in ((1, True), (2, True), (3, False), (4, False)):
            answer = (await ann.http.get("/api/jobs", params={"page": page, "per_page": 2})).json()
            assert answer["has_more"] is has_more
            seen += [job["job_id"] for job in answer["jobs"]]
        assert seen == jobs[::-1]

    async def test_wrong_parameters(self, ann: User) -> None:
        for name, value in (
            ("status", "done"), ("status", ""), ("page", "0"), ("page", "x"), ("page", "100001"),
            ("page", "9" * 30), ("page", "1.5"), ("per_page", "0"), ("per_page", "101"), ("per_page", "-1"),
        ):  # fmt: skip
            answer = await ann.http.get("/api/jobs", params={name: value})
            assert answer.status_code == 400, (name, value)
            assert_problem(answer, 400, f"`{name}` is not valid", name)


class TestRetry:
    async def test_a_failed_job_is_submitted_again(self, ann: User, hand: Hand) -> None:
        job_id = await _submit(ann)
        await hand.fail(await hand.claim())
        answer = await ann.http.post(f"/api/jobs/{job_id}/retry")
        body = answer.json()
        assert answer.status_code == 201
        assert (body["status"], body["message"]) == ("queued", "Job queued at position 1")
        assert answer.headers["location"] == f"/job/{body['job_id']}"
        assert answer.headers["ratelimit"].startswith('"hour";r=58;')
        assert body["job_id"] != job_id
        again = (await ann.http.get(answer.headers["location"])).json()
        assert {name: again[name] for name in COMMON} == COMMON
        assert (await ann.http.get(f"/job/{job_id}")).json()["status"] == "failed"

    async def test_only_a_failed_one(self, ann: User, hand: Hand) -> None:
        job_id = await ann.submit()
        for _ in ("queued", "processing"):
            answer = await ann.http.post(f"/api/jobs/{job_id}/retry")
            assert_problem(answer, 400, "Only a failed job can be tried again")
            assert "ratelimit" in answer.headers
            if _ == "queued":
                await hand.claim()

    async def test_whose(self, ann: User, make_user: MakeUser, anybody: httpx.AsyncClient) -> None:
        job_id, bob = await ann.submit(), await make_user("bob")
        path = f"/api/jobs/{job_id}/retry"
        assert_problem(await anybody.post(path), 401, "Authentication required")
        assert_problem(await bob.http.post(path), 403, "Not authorized to view this job")
        assert_problem(await ann.http.post("/api/jobs/000000000000/retry"), 404, "Job not found")

    async def test_the_limits_hold(self, make_user: MakeUser, hand: Hand) -> None:
        bob = await make_user("bob", tier="free")
        job_id = await bob.submit()
        await hand.fail(await hand.claim())
        answers = await asyncio.gather(*(bob.http.post(f"/api/jobs/{job_id}/retry") for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429]

    async def test_under_a_key(self, ann: User, hand: Hand) -> None:
        job_id = await ann.submit()
        await hand.fail(await hand.claim())
        headers = {"idempotency-key": "again"}
        answers = [await ann.http.post(f"/api/jobs/{job_id}/retry", headers=headers) for _ in range(2)]
        assert answers[0].status_code == 201
        assert answers[0].json() == answers[1].json()
