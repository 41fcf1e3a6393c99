"""Dashboards, alerts and their page name only metrics that there are."""

import json
import re
import subprocess
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from tests.system_tools import system_tool
from webapp.api.metrics import lapsed_leases, queue_families, worker_families
from webapp.http.middleware.request_metrics import RequestMetrics
from webapp.services.queue.views import QueueSnapshot
from webapp.services.workers.metrics import WorkerMetrics
from webapp.services.workers.status import NO_GPU, StatusReport

DOCS: Final = Path(__file__).parents[2] / "docs"
ALERTS: Final = DOCS / "deploy/prometheus/alerts.yml"
DASHBOARD: Final = DOCS / "deploy/grafana/soundloom.json"
NAME: Final = re.compile(r"\bsoundloom_[a-z_]+[a-z]\b(?!\.)")
SUFFIX: Final = re.compile(r"_(total|bucket|count|sum)$")


async def _nothing(*_: object) -> None: ...


def _known() -> set[str]:
    http = CollectorRegistry()
    RequestMetrics(_nothing, http)
    lapsed_leases(http)
    snapshot = QueueSnapshot(version=0, is_paused=False, jobs=(), valid_until_ms=0)
    report = StatusReport({}, dict(NO_GPU), 0, {}, {})
    families = [
        *http.collect(),
        *WorkerMetrics().registry.collect(),
        *queue_families(snapshot, 0),
        *worker_families(report),
    ]
    return {SUFFIX.sub("", family.name) for family in families}


def _named(text: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in NAME.findall(text)} - {
        "soundloom_http",
        "soundloom_worker_process",
    }


def test_alerts_and_dashboard_name_metrics_that_there_are() -> None:
    known = _known()
    expressions = [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    ]
    for text in (ALERTS.read_text(), "\n".join(expressions)):
        named = _named(text)
        assert len(named) >= 6
        assert named <= known


def test_the_page_describes_every_metric() -> None:
    text = (
        (DOCS / "observability.md")
        .read_text()
        .replace("`…_total_bytes", "`soundloom_device_memory_total_bytes")
    )
    described = {SUFFIX.sub("", name) for name in NAME.findall(text)}
    own = {name for name in _known() if not name.startswith("soundloom_worker_process")}
    assert own <= described


def test_alerts_fire_when_they_should_and_only_then() -> None:
    checked = subprocess.run(
        [system_tool("promtool", "prometheus"), "test", "rules", ALERTS.with_name("alerts_test.yml").name],
        cwd=ALERTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
