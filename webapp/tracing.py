"""Traces for OpenTelemetry: one for each request, and with it the whole way of the job that it asks for.

Off unless the usual variables name somebody to send traces to. Then nothing of OpenTelemetry is imported, and
each call here returns at once. A trace's context goes along with a job as text, in the form of the W3C's
`traceparent`.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

from webapp.errors import SettingsError

# Any of these says where traces go.
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MISSING: Final = (
    "{variable} asks for traces, and OpenTelemetry is not installed. Install soundloom[tracing], or unset the"
    " variable."
)
NAME: Final = "soundloom"
NS_PER_MS: Final = 1_000_000
TRACEPARENT_CHARACTERS: Final = 55


class Span(Protocol):
    """A part of a trace, while it lasts; any thread may add to it."""

    def add_event(self, name: str, attributes: Mapping[str, Any]) -> object: ...

    def set_attribute(self, key: str, value: str | int) -> object: ...


class Tracer(Protocol):
    """OpenTelemetry's tracer, as far as it is used here."""

    start_as_current_span: Callable[..., AbstractContextManager[Span]]
    start_span: Callable[..., Any]


class Provider(Protocol):
    """OpenTelemetry's provider of tracers, as far as it is used here."""

    def get_tracer(self, name: str) -> "Tracer": ...

    def shutdown(self) -> None: ...


class _NoSpan:
    """Stands for a span where there are no traces."""

    def add_event(self, name: str, attributes: Mapping[str, Any]) -> None: ...

    def set_attribute(self, key: str, value: str | int) -> None: ...


_NO_SPAN: Final[AbstractContextManager[Span]] = nullcontext(_NoSpan())


class Traces:
    """Writes spans with a tracer of OpenTelemetry."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer(NAME)
        self._api = importlib.import_module("opentelemetry.trace")
        form = importlib.import_module("opentelemetry.trace.propagation.tracecontext")
        self._form = form.TraceContextTextMapPropagator()

    def span(
        self, name: str, parent: str, attributes: Mapping[str, Any], *, is_server: bool
    ) -> AbstractContextManager[Span]:
        """Open a span that is the current one while the block runs."""
        return self._tracer.start_as_current_span(
            name,
            context=self._context(parent),
            kind=self._api.SpanKind.SERVER if is_server else self._api.SpanKind.INTERNAL,
            attributes=attributes,
        )

    def record(
        self, name: str, parent: str, start_ms: int, end_ms: int, attributes: Mapping[str, Any]
    ) -> None:
        """Write a span of the past."""
        span = self._tracer.start_span(
            name, context=self._context(parent), start_time=start_ms * NS_PER_MS, attributes=attributes
        )
        span.end(end_time=max(start_ms, end_ms) * NS_PER_MS)

    def current(self) -> str:
        """Return the current span as text; empty outside of any."""
        carrier: dict[str, str] = {}
        self._form.inject(carrier)
        return carrier.get("traceparent", "")

    def _context(self, parent: str) -> object:
        # None is the current context.
        return self._form.extract({"traceparent": parent}) if parent else None


class _State:
    traces: Traces | None = None


def configure(environ: Mapping[str, str], process: str) -> None:
    """Begin to write traces if the variables ask for it; `process` says what this process is.

    The SDK reads the variables, so what they mean is documented there. Raises SettingsError.
    """
    variable = next((name for name in ENDPOINTS if environ.get(name)), None)
    if variable is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    try:
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise SettingsError(MISSING.format(variable=variable)) from error
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": NAME}
    resource = resources.Resource.create(
        {**named, "soundloom.process": process, "service.instance.id": str(os.getpid())}
    )
    provider = sdk.TracerProvider(resource=resource)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    use(Traces(provider))


def use(traces: Traces | None) -> None:
    """Write spans with this from now on; with None, write none."""
    _State.traces = traces


def close() -> None:
    """Send what was not sent yet, and write no more."""
    traces, _State.traces = _State.traces, None
    if traces is not None:
        traces.provider.shutdown()


def is_on() -> bool:
    """Return whether traces are written."""
    return _State.traces is not None


def span(
    name: str, parent: str = "", *, is_server: bool = False, **attributes: Any
) -> AbstractContextManager[Span]:
    """Open a span under `parent`, or under the current one; it ends with the block."""
    if _State.traces is None:
        return _NO_SPAN
    return _State.traces.span(name, parent, attributes, is_server=is_server)


def record(name: str, parent: str, start_ms: int, end_ms: int, **attributes: Any) -> None:
    """Write a span of the past, under `parent`; without one, nothing."""
    if _State.traces is not None and parent:
        _State.traces.record(name, parent, start_ms, end_ms, attributes)


def current() -> str:
    """Return the current span as text that goes along with a job; empty where there is none."""
    return "" if _State.traces is None else _State.traces.current()


def with_events(span: Span, progress: Callable[[float], None], *, steps: int = 10) -> Callable[[float], None]:
    """Return `progress` such that the span has an event for each of so many steps."""
    if _State.traces is None:
        return progress
    reported = -1

    def report(share: float) -> None:
        nonlocal reported
        if int(share * steps) > reported:
            reported = int(share * steps)
            span.add_event("progress", {"share": round(share, 3)})
        progress(share)

    return report
