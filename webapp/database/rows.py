"""A row of a raw statement's result."""

from typing import Any

# By the names of its columns.
Row = dict[str, Any]
