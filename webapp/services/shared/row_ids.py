"""Numbers that the database gives to rows."""

from typing import Final

MAX_ROW_ID: Final = 2**31 - 1


def is_row_id(number: int) -> bool:
    """Whether a row can have this number; PostgreSQL does not even take another one in a query."""
    return 0 < number <= MAX_ROW_ID
