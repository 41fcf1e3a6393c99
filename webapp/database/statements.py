"""Statements as each database wants them written."""

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """SQL with `$1`, `$2`… for its `{}`: PostgreSQL's way."""
    head, *rest = sql.split("{}")
    return head + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))


@lru_cache(maxsize=1024)
def questioned(sql: str) -> str:
    """SQL with `?` for each `{}`: SQLite's way."""
    return sql.replace("{}", "?")


def literals(words: Iterable[str]) -> str:
    """Write words of ours as a list for `IN`, as text of the statement itself.

    SQLite uses a partial index only where a statement repeats the index's condition word for word, which a
    parameter never does. Raises ValueError for anything but plain words, so no foreign text gets through.
    """
    known = tuple(words)
    if not known or not all(word.isascii() and word.isidentifier() for word in known):
        raise ValueError("only plain words of our own are written into statements")
    return "('" + "', '".join(known) + "')"
