"""The services of workers, wired together."""

from dataclasses import dataclass

from webapp.services.queue.facade import QueueServices
from webapp.services.shared.foundation import Foundation
from webapp.services.workers.arrivals import Arrivals
from webapp.services.workers.control import WorkerControl
from webapp.services.workers.metrics import MetricsStore
from webapp.services.workers.status import StatusReporter
from webapp.services.workers.workers import Workers


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """The workers that are registered and starting, wishes for them, their status and their metrics."""

    registry: Workers
    arrivals: Arrivals
    control: WorkerControl
    status: StatusReporter
    metrics: MetricsStore


def build_workers(
    base: Foundation,
    *,
    registry: Workers,
    arrivals: Arrivals,
    queue: QueueServices,
) -> WorkerServices:
    """Wire the services of workers; the queue's services use `registry` and are built before."""
    database, clock, bus = base.database, base.clock, base.bus
    return WorkerServices(
        registry=registry,
        arrivals=arrivals,
        control=WorkerControl(database, bus),
        status=StatusReporter(
            database,
            clock,
            workers=registry,
            queue=queue.reader,
            estimator=queue.estimator,
            arrivals=arrivals,
        ),
        metrics=MetricsStore(database),
    )
