"""Requests as plain values, and the steps that a transport takes for the client."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `is_safe`: to send it twice does no more than to send it once.

    A streamed answer is read piece by piece; `is_patient` waits for each piece as long as it takes.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    is_safe: bool = True
    is_streamed: bool = False
    is_patient: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Its content is empty when it is streamed. The names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; answered by a `Reply`, or by `Unreachable`."""

    call: Call


@dataclass(frozen=True, slots=True)
class Read:
    """Read the next piece of the streamed answer; empty at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """Give the caller one of several values."""

    value: Any


Step = Send | Read | Pause | Emit
# What the client does, written once: it yields steps, and a transport takes them, waiting or awaiting.
Flow = Generator[Step, Any, T]


class Walk(Generic[T]):
    """A flow on its way: which step is next, and what came of the last one."""

    def __init__(self, flow: Flow[T]) -> None:
        self._flow = flow
        self._answer: object = None
        self._failure: Exception | None = None
        self._result: list[T] = []

    def next(self) -> Step | None:
        """Return the next step; None at the end. Raises what the flow raises."""
        failure, self._failure = self._failure, None
        try:
            if failure is not None:
                return self._flow.throw(failure)
            return self._flow.send(self._answer)
        except StopIteration as end:
            self._result.append(end.value)
            return None

    def answer(self, answer: object) -> None:
        """Say what came of the step."""
        self._answer = answer

    def fail(self, failure: Exception) -> None:
        """Say that the step went wrong."""
        self._answer, self._failure = None, failure

    def close(self) -> None:
        """Leave the flow where it is."""
        self._flow.close()

    @property
    def result(self) -> T:
        """The value that the flow returned."""
        return self._result[0]
