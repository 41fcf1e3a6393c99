"""Stores a worker's metrics periodically, for web processes to serve."""

import asyncio
import logging
from typing import Final

from webapp.database.patience import Outage
from webapp.services.workers.metrics import MetricsStore, WorkerMetrics

# Prometheus usually scrapes every 15 or 30 seconds.
REPORT_EVERY_S: Final = 5.0

logger = logging.getLogger(__name__)


async def report_metrics(store: MetricsStore, worker_id: str, metrics: WorkerMetrics) -> None:
    """Store a worker's metrics every few seconds, until cancelled."""
    outage = Outage(logger, "the register of workers")
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        with outage:
            await store.record(worker_id, await asyncio.to_thread(metrics.dump))
