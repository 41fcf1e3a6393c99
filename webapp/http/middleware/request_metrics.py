"""Counts requests and measures answers, by route."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 45.0)
UNROUTED: Final = "unrouted"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Answers:
    """The answers of one kind: how many began within each bucket's time, and after how long together."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total_s = 0.0

    def began(self, after_s: float) -> None:
        self.counts[bisect_left(BUCKETS, after_s)] += 1
        self.total_s += after_s


class RequestMetrics(Collector):
    """Middleware: how many requests each route had, with which status, and how long answers took to begin.

    The beginning is measured because event streams and downloads end when the client likes. A route is its
    template, so that strangers cannot make up labels. Everything happens in the event loop, so plain numbers
    do: the library's own histograms, which lock, took a tenth of a short answer's time.
    """

    def __init__(
        self,
        app: ASGIApp,
        registry: CollectorRegistry,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.app = app
        self._now_s = now_s
        self._answers: dict[tuple[str, str, int], _Answers] = {}
        self._open = 0
        registry.register(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = self._now_s()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._of(scope, message["status"]).began(self._now_s() - began_s)
            await send(message)

        self._open += 1
        try:
            await self.app(scope, receive, send_measured)
        finally:
            self._open -= 1

    def _of(self, scope: Scope, status: int) -> _Answers:
        route = scope.get("path_template") or UNROUTED
        method = cast("str", scope.get("method", ""))
        answers = self._answers.get((route, method, status))
        if answers is None:
            key = route, method if method in METHODS else "other", status
            answers = self._answers.setdefault(key, _Answers())
        return answers

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as of now."""
        family = HistogramMetricFamily(
            "soundloom_http_response_start_seconds",
            "From a request to the beginning of its answer, by route, method and status.",
            labels=("route", "method", "status"),
        )
        bounds = [*map(str, BUCKETS), "+Inf"]
        for (route, method, status), answers in list(self._answers.items()):
            buckets = list(zip(bounds, accumulate(answers.counts), strict=True))
            family.add_metric((route, method, str(status)), buckets, answers.total_s)
        yield family
        yield GaugeMetricFamily(
            "soundloom_http_open_requests", "Requests being answered now.", value=self._open
        )
