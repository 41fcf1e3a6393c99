"""Moments as the JSON API writes them."""

from datetime import UTC, datetime


def timestamp(moment_ms: int) -> str:
    """A moment in UTC, to the second, as in `2024-01-15T10:30:00Z`."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
