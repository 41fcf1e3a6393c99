"""`GET /status`: always the same shape, whatever workers there are."""

from typing import Any

import httpx
import pytest

from tests.api.client import Hand, User
from webapp.clock import ManualClock
from webapp.services.container import Services

NO_GPU = {
    "available": False, "name": None, "memory_used_gb": None, "memory_total_gb": None, "memory_percent": None,
    "busy": False,
}  # fmt: skip
GPU = {
    "available": True, "name": "NVIDIA GeForce RTX 4090", "memory_used_gb": 4.2, "memory_total_gb": 24.0,
    "memory_percent": 17.5, "busy": True,
}  # fmt: skip
UNAVAILABLE = dict.fromkeys(("music", "audio", "magnet", "tts"), "unavailable")


def _model(state: str) -> dict[str, Any]:
    return {
        "state": state, "engine": "sketch", "label": "sketch: rule-based, no model", "checkpoint": "",
        "license": "", "max_duration_s": 180,
    }  # fmt: skip


async def _work(
    services: Services, worker_id: str, models: dict[str, str], gpu: dict[str, Any] | None
) -> None:
    await services.workers.registry.register(worker_id, host="here", pid=1, device="cuda:0" if gpu else "cpu")
    report: dict[str, Any] = {"models": {name: _model(state) for name, state in models.items()}}
    await services.workers.registry.record_report(worker_id, "idle", report | ({"gpu": gpu} if gpu else {}))


async def test_with_nothing_there(anybody: httpx.AsyncClient) -> None:
    assert (await anybody.get("/status")).json() == {
        "models": UNAVAILABLE, "gpu": NO_GPU, "queue_length": 0, "queue_by_model": {}, "estimated_wait": {},
        "engines": {}, "workers": [], "paused": False,
    }  # fmt: skip


async def test_with_workers(anybody: httpx.AsyncClient, services: Services) -> None:
    await _work(services, "a" * 12, {"music": "ready", "audio": "loading"}, None)
    await _work(services, "b" * 12, {"music": "error", "audio": "unloaded", "magnet": "error"}, GPU)
    status = (await anybody.get("/status")).json()
    assert status["models"] == {"music": "ready", "audio": "loading", "magnet": "error", "tts": "unavailable"}
    assert status["gpu"] == GPU
    assert sorted(worker["device"] for worker in status["workers"]) == ["cpu", "cuda:0"]
    assert status["engines"]["music"]["label"] == "sketch: rule-based, no model"


async def test_a_model_tells_why_it_cannot_be_loaded_and_what_it_takes(
    anybody: httpx.AsyncClient, services: Services
) -> None:
    await services.workers.registry.register("a" * 12, host="here", pid=1, device="cpu")
    broken = _model("error") | {"error": "mine/state_dict.bin is damaged"}
    loaded = _model("ready") | {
        "checkpoint": "musicgen-small", "is_pinned": True, "memory_mb": 2700,
        "sampling": {"temperature": 1.0, "top_k": 250, "top_p": 0.0, "guidance": 3.0},
        "precision": "bfloat16", "precision_note": "int8 is 0.043 from float32, more than 0.03",
    }  # fmt: skip
    models = {"audio": broken, "music": loaded}
    await services.workers.registry.record_report("a" * 12, "idle", {"models": models})
    engines = (await anybody.get("/status")).json()["engines"]
    assert engines["audio"]["error"] == "mine/state_dict.bin is damaged"
    assert (engines["music"]["error"], engines["music"]["checkpoint"]) == (None, "musicgen-small")
    assert (engines["music"]["pinned"], engines["music"]["memory_mb"]) == (True, 2700)
    assert engines["music"]["sampling"] == loaded["sampling"]
    assert (engines["music"]["precision"], engines["audio"]["precision"]) == ("bfloat16", None)
    assert engines["music"]["precision_note"] == loaded["precision_note"]
    assert engines["audio"]["sampling"] is None


@pytest.mark.both_databases
async def test_what_is_shown_of_a_model_is_of_the_worker_whose_state_counts(
    anybody: httpx.AsyncClient, services: Services
) -> None:
    for worker_id, state, label in (("a" * 12, "error", "AudioCraft"), ("b" * 12, "ready", "sketch")):
        await services.workers.registry.register(worker_id, host="here", pid=1, device="cpu")
        report = {"models": {"music": _model(state) | {"label": label}}}
        await services.workers.registry.record_report(worker_id, "idle", report)
    status = (await anybody.get("/status")).json()
    assert (status["models"]["music"], status["engines"]["music"]["label"]) == ("ready", "sketch")


async def test_without_a_gpu(anybody: httpx.AsyncClient, services: Services) -> None:
    await _work(services, "a" * 12, {"music": "ready"}, None)
    assert (await anybody.get("/status")).json()["gpu"] == NO_GPU


async def test_a_silent_worker_serves_nothing(
    anybody: httpx.AsyncClient, services: Services, clock: ManualClock
) -> None:
    await _work(services, "a" * 12, {"music": "ready"}, GPU)
    clock.advance_s(60)
    status = (await anybody.get("/status")).json()
    assert (status["models"], status["gpu"], status["workers"]) == (UNAVAILABLE, NO_GPU, [])


async def test_what_waits(anybody: httpx.AsyncClient, ann: User, hand: Hand) -> None:
    for model in ("music", "music", "music", "audio"):
        await ann.submit(model=model)
    await hand.claim()
    status = (await anybody.get("/status")).json()
    assert status["queue_length"] == 4
    assert status["queue_by_model"] == {"music": 2, "audio": 1}
    assert status["estimated_wait"].keys() == {"music", "audio"}
