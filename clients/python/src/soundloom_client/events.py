"""Server-sent events, read from pieces that are cut anywhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event."""

    name: str
    data: bytes


class EventReader:
    """Puts events together (HTML standard, section 9.2). `last_id` is that of the last whole one."""

    def __init__(self) -> None:
        self.last_id = self._id = self._name = ""
        self._rest = b""
        self._data: list[bytes] = []

    def begin_anew(self) -> None:
        """Forget what a broken connection left unfinished."""
        self._rest, self._name, self._data, self._id = b"", "", [], self.last_id

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """Take in a piece and give the events that it completes."""
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        for line in lines:
            event = self._take(line)
            if event is not None:
                yield event

    def _take(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._finish()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode()
        elif name == b"id":
            self._id = value.decode()
        return None

    def _finish(self) -> ServerEvent | None:
        name, data = self._name, self._data
        self._name, self._data, self.last_id = "", [], self._id
        return ServerEvent(name or "message", b"\n".join(data)) if data else None
