"""One trace holds the whole way of a job, from the request to the published sound."""

import pytest

from tests.factories import choice
from tests.traces import kept_traces
from tests.worker.scripted import Gate, ScriptedEngine, ended, hum, working
from webapp import tracing
from webapp.errors import SettingsError
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.workers.metrics import WorkerMetrics
from webapp.settings import Settings
from webapp.worker.main import loaded_by

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STAGES = ("generate", "finish", "write", "publish", "complete")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


async def test_the_spans_of_a_job_are_one_trace(services: Services, ann: Identity) -> None:
    with kept_traces() as kept:
        with tracing.span("request", PARENT, is_server=True):
            submitted = await services.queue.submissions.submit(ann, choice(duration_s=1, seed=1))
        async with working(services, ScriptedEngine(hum)):
            await ended(services, ann, submitted.job_id)
        spans = {span.name: span for span in kept.spans()}
    assert {span.trace for span in spans.values()} == {int(PARENT.split("-")[1], 16)}
    assert spans["request"].parent == int(PARENT.split("-")[2], 16)
    assert spans["submit"].parent == spans["request"].span
    for name in ("wait", "claim", "attempt"):
        assert spans[name].parent == spans["submit"].span
    for name in STAGES:
        assert spans[name].parent == spans["attempt"].span
    assert spans["attempt"].attributes["job"] == submitted.job_id
    assert spans["generate"].events >= 2, "it tells its steps"
    starts = [spans[name].start_ns for name in STAGES]
    assert starts == sorted(starts)


async def test_a_load_belongs_to_the_jobs_that_wait_for_it(services: Services, ann: Identity) -> None:
    gate = Gate()
    with kept_traces() as kept:
        with tracing.span("request"):
            submitted = await services.queue.submissions.submit(ann, choice(duration_s=1, seed=1))
        async with working(services, ScriptedEngine(gate)) as processor:
            await gate.wait_started()
            processor.trace_load("audio", 0.5)
            processor.trace_load("music", 1.5)
            gate.go_on.set()
            await ended(services, ann, submitted.job_id)
        spans = kept.spans()
    (load,) = (span for span in spans if span.name == "load")
    (attempt,) = (span for span in spans if span.name == "attempt")
    assert load.parent == attempt.span
    assert load.attributes["model"] == "music"
    assert load.end_ns - load.start_ns == 1_500_000_000


async def test_each_load_is_counted_and_traced(services: Services) -> None:
    metrics, traced = WorkerMetrics(), list[tuple[str, float]]()
    loaded = loaded_by(metrics, lambda model, seconds: traced.append((model, seconds)))
    loaded("music", 2.0, is_ready=True)
    with kept_traces():
        loaded("audio", 3.0, is_ready=False)
    assert traced == [("audio", 3.0)]


async def test_without_traces_nothing_is_kept_with_the_job(services: Services, ann: Identity) -> None:
    await services.queue.submissions.submit(ann, choice())
    claim = await services.queue.leases.claim("w" * 12)
    assert claim is not None
    assert claim.trace == tracing.current() == ""
    with tracing.span("nothing") as span:
        span.add_event("nothing", {})


def test_traces_that_cannot_be_written_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("webapp.tracing.importlib.import_module", missing)
    tracing.configure({}, "web")
    tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, "web")
    with pytest.raises(SettingsError, match=r"Install soundloom\[tracing\]"):
        tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "web")
    assert not tracing.is_on()
