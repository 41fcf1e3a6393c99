"""Metrics for Prometheus: the queue, the workers and this process."""

import hmac
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Any, Final

from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from webapp import __version__
from webapp.api.accounts.authentication import bearer_token, provide_identity
from webapp.clock import Clock
from webapp.http.dependencies import InjectedAccounts, InjectedQueue, InjectedSettings, InjectedWorkers
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import require_admin
from webapp.services.queue.views import QueueSnapshot
from webapp.services.workers.status import StatusReport
from webapp.settings import Settings

AnyRequest = Request[Any, Any, Any]
BYTES_PER_GB: Final = 1_000_000_000


def metrics(process: CollectorRegistry, clock: Clock) -> ControllerRouterHandler:
    """Build the handler; `process` holds what this web process counts."""

    @get("/metrics", include_in_schema=False)
    async def answer(
        request: AnyRequest,
        settings: InjectedSettings,
        accounts: InjectedAccounts,
        queue: InjectedQueue,
        workers: InjectedWorkers,
    ) -> Response[bytes]:
        """Figures in the text format that the scraper prefers."""
        await _require_scraper(request, settings, accounts)
        report = await workers.status.report()
        families = [
            *queue_families(await queue.reader.snapshot(), clock.now_ms()),
            *worker_families(report),
            *await workers.metrics.families(),
        ]
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        registry = CollectorRegistry()
        registry.register(_Gathered([*process.collect(), *families]))
        body = encode(registry)
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return answer


def lapsed_leases(registry: CollectorRegistry) -> Counter:
    """Return the count of leases that this process took back because they had lapsed."""
    return Counter(
        "soundloom_leases_lapsed",
        "Leases that lapsed, of workers that crashed or stalled.",
        registry=registry,
    )


async def _require_scraper(request: AnyRequest, settings: Settings, accounts: AccountServices) -> None:
    """Raise AuthenticationRequired or NotAllowed for anybody but the scraper and admins."""
    token = bearer_token(request.headers.get("authorization", ""))
    expected = settings.metrics_token
    if expected and token and hmac.compare_digest(token.encode(), expected.encode()):
        return
    require_admin(await provide_identity(request, settings, accounts))


class _Gathered(Collector):
    """Families that were gathered before, since gathering them waits for the database."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families

    def describe(self) -> Iterable[Metric]:
        return ()


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(f"soundloom_{name}", text, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def queue_families(snapshot: QueueSnapshot, now_ms: int) -> Iterator[Metric]:
    jobs = Tally((job.status, job.tier, job.model) for job in snapshot.jobs)
    oldest: dict[tuple[str, str], float] = {}
    for job in snapshot.jobs:
        if job.status == "queued":
            waited_s = max(0, now_ms - job.created_ms) / 1000
            key = job.tier, job.model
            oldest[key] = max(oldest.get(key, 0.0), waited_s)
    text = "Jobs in the queue, by status, tier and model."
    yield _gauge("queue_jobs", text, ("status", "tier", "model"), jobs.items())
    yield _gauge(
        "queue_oldest_wait_seconds", "How long the oldest job has waited.", ("tier", "model"), oldest.items()
    )
    yield _gauge("queue_paused", "1 while the queue is paused.", (), [((), float(snapshot.is_paused))])


def worker_families(report: StatusReport) -> Iterator[Metric]:
    yield _gauge("build_info", "The version that runs.", ("version",), [((__version__,), 1.0)])
    alive = Tally((worker.kind, worker.state) for worker in report.workers)
    yield _gauge("workers", "Workers that are alive, by kind and state.", ("kind", "state"), alive.items())
    states = (
        ((worker.worker_id, model, entry["state"]), 1.0)
        for worker in report.workers
        for model, entry in worker.report.get("models", {}).items()
    )
    text = "1 for the state of each model in each worker."
    yield _gauge("worker_model_state", text, ("worker", "model", "state"), states)
    for key, name in (("memory_used_gb", "used"), ("memory_total_gb", "total")):
        yield _gauge(
            f"device_memory_{name}_bytes",
            f"Memory of a worker's GPU: {name}.",
            ("worker", "device"),
            (
                ((worker.worker_id, worker.device), gpu[key] * BYTES_PER_GB)
                for worker in report.workers
                if (gpu := worker.report.get("gpu")) and gpu.get(key) is not None
            ),
        )
