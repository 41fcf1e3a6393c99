"""Moments as the JSON API writes them."""

from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta

# For the description, beside other facts of a field; the framework reads such members under `extra`.
DATE_TIME: Final = {"extra": {"format": "date-time"}}
Moment = Annotated[
    str, Meta(description="UTC.", examples=["2024-01-15T10:30:00Z"], extra_json_schema=DATE_TIME)
]


def timestamp(moment_ms: int) -> str:
    """A moment in UTC, to the second, as in `2024-01-15T10:30:00Z`."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
