"""`GET /metrics`: what Prometheus reads, and who may."""

import errno
from dataclasses import replace
from typing import Any, Final, cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.client import User
from tests.api.conftest import MakeUser
from webapp.clock import ManualClock
from webapp.services.container import Services
from webapp.services.workers.metrics import WorkerMetrics
from webapp.settings import Settings
from webapp.web.app import create_app

TOKEN: Final = "a-token-for-prometheus"
WORKER: Final = "a" * 12

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, metrics_token=TOKEN)


async def _figures(anybody: httpx.AsyncClient) -> Figures:
    answer = await anybody.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "a family was written twice"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1], TOKEN.upper()])
async def test_strangers_see_nothing(anybody: httpx.AsyncClient, token: str | None) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = await anybody.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "soundloom_" not in answer.text


async def test_users_may_not_and_admins_may(ann: User, make_user: MakeUser) -> None:
    root = await make_user("root", is_admin=True)
    assert (await ann.http.get("/metrics")).status_code == 403
    assert (await root.http.get("/metrics")).status_code == 200


async def test_without_a_token_of_its_own_an_empty_one_opens_nothing(services: Services) -> None:
    closed = replace(services, settings=Settings(data_dir=services.settings.data_dir))
    transport = httpx.ASGITransport(cast("Any", create_app(closed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for header in ("Bearer ", "Bearer", ""):
            answer = await client.get("/metrics", headers={"authorization": header})
            assert answer.status_code == 401


async def test_the_queue_by_status_tier_and_model(
    anybody: httpx.AsyncClient, ann: User, clock: ManualClock
) -> None:
    wanted = {"prompt": "calm rain", "duration": 8, "model": "music"}
    await ann.http.post("/generate", json=wanted)
    clock.advance_s(30)
    await ann.http.post("/generate", json=wanted)
    clock.advance_s(12)
    figures = await _figures(anybody)
    assert figures[_key("soundloom_queue_jobs", status="queued", tier="creator", model="music")] == 2
    wait = figures[_key("soundloom_queue_oldest_wait_seconds", tier="creator", model="music")]
    assert wait == pytest.approx(42)
    assert figures[_key("soundloom_queue_paused")] == 0


async def test_workers_and_what_they_measured(anybody: httpx.AsyncClient, services: Services) -> None:
    registry = services.workers.registry
    for worker_id in (WORKER, "b" * 12):
        await registry.register(worker_id, host="here", pid=1, device="cpu")
        measured = WorkerMetrics()
        measured.claimed("music", 2.5)
        measured.ended("music", "completed")
        measured.ended("music", "failed", OSError(errno.ENOSPC, "No space left on device"))
        measured.loaded("music", 4.0, is_ready=True)
        await services.workers.metrics.record(worker_id, measured.dump())
    figures = await _figures(anybody)
    assert figures[_key("soundloom_workers", kind="sound", state="starting")] == 2
    for worker_id in (WORKER, "b" * 12):
        assert figures[_key("soundloom_jobs_claimed_total", model="music", worker=worker_id)] == 1
        assert figures[_key("soundloom_job_wait_seconds_sum", model="music", worker=worker_id)] == 2.5
        bucket = _key("soundloom_job_wait_seconds_bucket", model="music", worker=worker_id, le="3.0")
        assert figures[bucket] == 1
        ends = {
            outcome: figures[
                _key("soundloom_attempts_total", model="music", outcome=outcome, worker=worker_id)
            ]
            for outcome in ("completed", "failed")
        }
        assert ends == {"completed": 1, "failed": 1}
        assert figures[_key("soundloom_storage_errors_total", worker=worker_id)] == 1
        assert _key("soundloom_worker_process_resident_memory_bytes", worker=worker_id) in figures


async def test_requests_are_counted_by_route_and_strangers_make_no_labels(
    anybody: httpx.AsyncClient, ann: User
) -> None:
    for job_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        await ann.http.get(f"/job/{job_id}")
    for path in ("/nowhere", "/or-there"):
        await anybody.get(path)
    await anybody.request("BREW", "/status")
    figures = await _figures(anybody)
    name = "soundloom_http_response_start_seconds_count"
    assert figures[_key(name, route="/job/{job_id}", method="GET", status="404")] == 2
    assert figures[_key(name, route="unrouted", method="GET", status="404")] == 2
    methods = {dict(labels).get("method") for sample, labels in figures if sample == name}
    assert "BREW" not in methods
    assert figures[_key("soundloom_http_open_requests")] == 1


async def test_openmetrics_is_given_to_those_who_ask_for_it(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get(
        "/metrics",
        headers={"authorization": f"Bearer {TOKEN}", "accept": "application/openmetrics-text; version=1.0.0"},
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
