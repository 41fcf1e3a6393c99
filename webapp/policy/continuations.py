"""Sounds that a request builds on: which one, and from where it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from webapp.errors import InvalidRequest

FIELD: Final = "continue_from"
# What is kept of a sound, and what is added to it, at least.
MIN_KEPT_S: Final = 0.5
MIN_ADDED_S: Final = 1.0
LONGEST_LINEAGE: Final = 32
_LONGEST_ID: Final = 64


@dataclass(frozen=True, slots=True)
class SoundSource:
    """A sound that a request names: one that was generated or imported here."""

    generation_id: str


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
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidRequest("Continue_from must be an object with a generation_id", field=FIELD)
    source = parse_source(value, FIELD)
    left_open = {name for name in ("prompt", "model", "duration") if body.get(name) is None}
    # A length that is null is refused as it is without a continuation.
    if "duration" in body:
        left_open.discard("duration")
    return ContinuationChoice(source, _from_s(value.get("from_s")), frozenset(left_open))


def parse_source(value: Mapping[str, Any], name: str) -> SoundSource:
    """Read which sound the field `name` means. Raises InvalidRequest."""
    generation_id = value.get("generation_id")
    if not isinstance(generation_id, str) or not 0 < len(generation_id) <= _LONGEST_ID:
        raise InvalidRequest(f"{name.capitalize()} must have a generation_id", field=name)
    return SoundSource(generation_id)


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
