"""Statements as each database wants them written."""

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
