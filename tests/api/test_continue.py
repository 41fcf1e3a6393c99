"""`continue_from` of `POST /generate`, and what `/api/models` and `/status` tell of who can."""

from typing import Any

from tests.api.client import WORKER, Hand, User, assert_problem
from tests.api.conftest import MakeUser
from webapp.engines.sketch.engine import SketchEngine
from webapp.services.container import Services
from webapp.worker.engine_set import EngineSet

CAN = {"text": True, "continue": True, "melody": True, "stream": True, "takes": 8, "longest": 180.0}


async def made(user: User, hand: Hand) -> str:
    """A finished sound of 8 s; its id."""
    await user.submit("slow rain")
    claim = await hand.claim()
    await hand.complete(claim)
    return claim.generation_id


async def test_a_job_tells_what_it_continues(ann: User, hand: Hand) -> None:
    source = await made(ann, hand)
    body: dict[str, Any] = {"continue_from": {"generation_id": source, "from_s": 5}, "duration": 20}
    answer = await ann.http.post("/generate", json={**body, "takes": 2})
    assert answer.status_code == 201
    for accepted in answer.json()["jobs"]:
        job = (await ann.http.get(f"/job/{accepted['job_id']}")).json()
        assert job["continues"] == {"generation_id": source, "from_s": 5.0}
        assert (job["prompt"], job["duration"]) == ("slow rain", 20.0)
    first = (await ann.http.get("/api/jobs")).json()["items"][-1]
    assert "continues" not in first


async def test_somebody_elses_private_sound_is_not_there(ann: User, hand: Hand, make_user: MakeUser) -> None:
    source = await made(ann, hand)
    bob = await make_user("bob")
    shown = await bob.http.get(f"/api/library/{source}")
    refused = await bob.http.post("/generate", json={"continue_from": {"generation_id": source}})
    assert_problem(refused, 404, shown.json()["error"])


async def test_without_a_source_a_prompt_is_required(ann: User) -> None:
    assert_problem(
        await ann.http.post("/generate", json={"continue_from": None}), 400, "Prompt is required", "prompt"
    )


async def test_models_tell_what_they_can(services: Services, ann: User) -> None:
    nothing = (await ann.http.get("/api/models")).json()["models"]
    assert [(model["name"], model["state"], model["can"]) for model in nothing] == [
        (name, "unavailable", None) for name in ("music", "audio", "magnet")
    ]
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    engines = EngineSet({"music": SketchEngine(), "audio": SketchEngine()})
    await services.workers.registry.record_report(WORKER, "idle", engines.report())
    music, _, magnet = (await ann.http.get("/api/models")).json()["models"]
    assert (music["state"], music["engine"], music["can"]) == ("ready", "sketch", CAN)
    assert (magnet["engine"], magnet["can"]) == (None, None)
    assert (await ann.http.get("/status")).json()["engines"]["music"]["can"] == CAN
