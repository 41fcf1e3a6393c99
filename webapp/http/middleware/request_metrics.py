"""Counts requests and measures answers, by route."""

import time
from collections.abc import Callable
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Gauge, Histogram

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 45)
UNROUTED: Final = "unrouted"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Middleware: how many requests each route had, with which status, and how long answers took to begin.

    The beginning is measured because event streams and downloads end when the client likes. A route is its
    template, so that strangers cannot make up labels.
    """

    def __init__(
        self,
        app: ASGIApp,
        registry: CollectorRegistry,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.app = app
        self._now_s = now_s
        self._answers = Histogram(
            "soundloom_http_response_start_seconds",
            "From a request to the beginning of its answer, by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
            buckets=BUCKETS,
        )
        self._open = Gauge("soundloom_http_open_requests", "Requests being answered now.", registry=registry)
        self._known: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = self._now_s()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answer(scope, message["status"]).observe(self._now_s() - began_s)
            await send(message)

        self._open.inc()
        try:
            await self.app(scope, receive, send_measured)
        finally:
            self._open.dec()

    def _answer(self, scope: Scope, status: int) -> Histogram:
        sent = scope.get("method", "")
        route = scope.get("path_template") or UNROUTED
        method = sent if sent in METHODS else "other"
        key = str(route), method, status
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._answers.labels(*map(str, key))
        return known
