"""Sounds that a request builds on: which one, and from where it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from webapp.errors import InvalidRequest
from webapp.policy.library.sound_sources import SoundSource, parse_source

FIELD: Final = "continue_from"
# What is kept of a sound, and what is added to it, at least.
MIN_KEPT_S: Final = 0.5
MIN_ADDED_S: Final = 1.0
LONGEST_LINEAGE: Final = 32


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A sound that another one continues from second `from_s` on."""

    generation_id: str
    from_s: float


@dataclass(frozen=True, slots=True)
class ContinuationChoice:
    """A request to continue a sound from second `from_s` on, or from its end where that is None.

    `left_open` names the fields that the request leaves to the sound: prompt, model and duration. `lineage`
    are the sounds before it, the first one first, once that is known.
    """

    source: SoundSource
    from_s: float | None = None
    left_open: frozenset[str] = frozenset()
    lineage: tuple[Ancestor, ...] = field(default=())


def parse_continuation(body: Mapping[str, Any]) -> ContinuationChoice | None:
    """Read `continue_from`; None where there is none. Raises InvalidRequest."""
    value = body.get(FIELD)
    source = parse_source(value, FIELD)
    if source is None or not isinstance(value, Mapping):
        return None
    left_open = {name for name in ("prompt", "model", "duration") if body.get(name) is None}
    # A length that is null is refused as it is without a continuation.
    if "duration" in body:
        left_open.discard("duration")
    return ContinuationChoice(source, _from_s(value.get("from_s")), frozenset(left_open))


def check_span(from_s: float, source_s: float, duration_s: float) -> None:
    """Raise InvalidRequest unless a sound can be continued from there, to a whole of this length."""
    if not MIN_KEPT_S <= from_s <= source_s:
        raise InvalidRequest(
            f"From_s must be {MIN_KEPT_S:g} to {source_s:g} seconds, the length of the sound",
            field=FIELD,
        )
    if duration_s < from_s + MIN_ADDED_S:
        raise InvalidRequest(
            f"Duration is that of the whole sound: it must be at least {from_s + MIN_ADDED_S:g} seconds",
            field="duration",
        )


def _from_s(value: object) -> float | None:
    if value is None:
        return None
    # A comparison refuses NaN, and holds for integers too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
        raise InvalidRequest("From_s must be a number of seconds", field=FIELD)
    return float(value)
