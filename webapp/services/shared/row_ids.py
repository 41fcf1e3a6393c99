"""The range of the ids that the database assigns to rows."""

from typing import Final

MAX_ROW_ID: Final = 2**31 - 1


def is_row_id(number: int) -> bool:
    """Check that a row can have this id; PostgreSQL rejects others even in a query."""
    return 0 < number <= MAX_ROW_ID
