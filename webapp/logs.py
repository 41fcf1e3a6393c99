"""Log lines for people or for machines, each with the id of the request it belongs to."""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TextIO

import msgspec

from webapp.addresses import Redactor
from webapp.injected import injected
from webapp.log_output import LineOutput
from webapp.settings import PREFIX, Settings

ROOT_LOGGER: Final = "webapp"
ACCESS_LOGGER: Final = "webapp.access"
BATCH_S: Final = 0.1
LOST: Final = "log lines could not be written"
request_id: ContextVar[str] = ContextVar("request_id", default="-")

logger = logging.getLogger(__name__)

_access: Final = logging.getLogger(ACCESS_LOGGER)
_tracebacks: Final = logging.Formatter()

# Writes a line from its time in seconds, level, logger, message, and what was given besides.
Composer = Callable[[float, str, str, str, Mapping[str, object]], str]

# What a log record always has; anything else was given as `extra` and belongs in the line.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
}


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send log lines to `stream` (default: standard error) in the format the settings name.

    Uvicorn's own access lines are silenced: they hold query strings, and ours say more.
    """
    composer = _redacting(_as_json if settings.log_format == "json" else _as_text, settings)
    handler = LineHandler(sys.stderr if stream is None else stream, composer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT_LOGGER).setLevel(settings.log_level.upper())
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False


def leave_out_injected(environ: MutableMapping[str, str]) -> None:
    """Say which variables are no settings but facts about a service, and keep them from our children."""
    names = injected(environ, PREFIX)
    if names:
        logger.warning(
            "variables that describe a service called soundloom are ignored; they are no settings",
            extra={"variables": ",".join(names)},
        )
    for name in names:
        del environ[name]


class LineHandler(logging.Handler):
    """Writes one line for each record; access lines many at a time, up to a tenth of a second late.

    With a record and a write for each request, a busy server would spend a third of its time on its log.
    Lines keep their order. A line that cannot be written is lost, and nothing else.
    """

    def __init__(self, stream: TextIO, compose: Composer) -> None:
        super().__init__()
        self._compose = compose
        self._waiting: list[str] = []
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._output = self._output_for(stream)

    def format(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            extra["traceback"] = _tracebacks.formatException(record.exc_info)
        return self._compose(
            record.created, record.levelname.lower(), record.name, record.getMessage(), extra
        )

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record) + "\n")
            self._pass_on()
        except Exception:  # noqa: BLE001 - what cannot be told ends nothing
            self.handleError(record)

    def add_access_line(self, message: str, extra: Mapping[str, object]) -> None:
        """Write a line soon; to be called where an event loop runs."""
        line = self._compose(time.time(), "info", ACCESS_LOGGER, message, extra)
        with self.lock or nullcontext():
            self._waiting.append(line + "\n")
            if len(self._waiting) == 1:
                asyncio.get_running_loop().call_later(BATCH_S, self._pass_on)

    def flush(self) -> None:
        """Write what waits; does not wait long for a reader that takes nothing."""
        self._pass_on()
        if self._output is not None:
            self._output.drain()

    def _pass_on(self) -> None:
        with self.lock or nullcontext():
            lines = "".join(self._waiting)
            self._waiting.clear()
            if not lines:
                return
            if self._output is not None:
                self._output.put(lines.encode(self._encoding, "backslashreplace"))
                return
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(lines)
                self._stream.flush()

    def _output_for(self, stream: TextIO) -> LineOutput | None:
        try:
            number = stream.fileno()
        except (OSError, AttributeError):
            # A text in memory.
            return None
        return LineOutput(number, self._line_of_loss)

    def _line_of_loss(self, lines: int) -> bytes:
        line = self._compose(time.time(), "warning", ROOT_LOGGER, LOST, {"lines": lines})
        return f"{line}\n".encode(self._encoding, "backslashreplace")


def log_access(message: str, **extra: object) -> None:
    """Note an answered request, at level info."""
    if not _access.isEnabledFor(logging.INFO):
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler):
            handler.add_access_line(message, extra)
            return
    _access.info(message, extra=extra)


def _redacting(compose: Composer, settings: Settings) -> Composer:
    """The same lines, without what is secret: what is logged is not always worded by us."""
    redact = Redactor(settings.secrets)

    def compose_redacted(
        created_s: float, level: str, logger: str, message: str, extra: Mapping[str, object]
    ) -> str:
        return redact(compose(created_s, level, logger, message, extra))

    return compose_redacted


def _as_text(created_s: float, level: str, _logger: str, message: str, extra: Mapping[str, object]) -> str:
    """A line for a person: time, level, request, message, then name=value for what came with it."""
    traceback = extra.get("traceback")
    pairs = "".join(f" {name}={value}" for name, value in extra.items() if name != "traceback")
    line = f"{_timestamp(created_s)} {level:7} [{request_id.get()}] {message}{pairs}"
    return f"{line}\n{traceback}" if traceback else line


def _as_json(created_s: float, level: str, logger: str, message: str, extra: Mapping[str, object]) -> str:
    """One JSON object on one line."""
    line = {
        "time": _timestamp(created_s),
        "level": level,
        "logger": logger,
        "request_id": request_id.get(),
        "message": message,
        **extra,
    }
    try:
        return msgspec.json.encode(line, enc_hook=str).decode()
    except UnicodeEncodeError:
        # Bytes of a file's name that are no text; this one escapes them.
        return json.dumps(line, default=str)


def _timestamp(created_s: float) -> str:
    return f"{_second(int(created_s))}.{int(created_s * 1000) % 1000:03d}Z"


@lru_cache(maxsize=4)
def _second(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
