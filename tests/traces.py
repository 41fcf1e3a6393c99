"""Reads the traces that a test's code or processes write."""

import importlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from webapp import tracing


@dataclass(frozen=True)
class Seen:
    """A span that was written."""

    name: str
    trace: int
    span: int
    parent: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: int


class Kept:
    """The spans that were written so far."""

    def __init__(self, finished: Callable[[], Iterable[Any]]) -> None:
        self._finished = finished

    def spans(self) -> list[Seen]:
        return [
            Seen(
                span.name,
                span.context.trace_id,
                span.context.span_id,
                span.parent.span_id if span.parent else 0,
                span.start_time,
                span.end_time,
                dict(span.attributes),
                len(span.events),
            )
            for span in self._finished()
        ]


@contextmanager
def kept_traces() -> Iterator[Kept]:
    """Write traces into memory while the block runs."""
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    memory = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    provider, exporter = sdk.TracerProvider(), memory.InMemorySpanExporter()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    tracing.use(tracing.Traces(provider))
    try:
        yield Kept(exporter.get_finished_spans)
    finally:
        tracing.close()


class Receiver:
    """A server that takes traces as a collector does, over HTTP."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._spans: list[tuple[str, bytes, str]] = []
        self._messages = importlib.import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        request = self._messages.ExportTraceServiceRequest.FromString(body)
        with self._changed:
            for of_process in request.resource_spans:
                told = {one.key: one.value.string_value for one in of_process.resource.attributes}
                self._spans += [
                    (span.name, span.trace_id, told["soundloom.process"])
                    for scope in of_process.scope_spans
                    for span in scope.spans
                ]
            self._changed.notify_all()

    def processes_by_span(self, trace_of: str, until: str) -> dict[str, str]:
        """Wait for the span `until` in the trace of the first span called `trace_of`; processes by span."""

        def found() -> dict[str, str]:
            traces = {trace for name, trace, _ in self._spans if name == trace_of}
            return {name: process for name, trace, process in self._spans if trace in traces}

        with self._changed:
            assert self._changed.wait_for(lambda: until in found(), 60), self._spans
            return found()
