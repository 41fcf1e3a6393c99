"""SQL of backups that Piccolo's query builder cannot express. Decision 0131 has the rules."""

from collections.abc import Sequence
from typing import Any, Final

from piccolo.table import Table

from webapp.database import Database
from webapp.services.library.queries import OWNED_KEYS

OWNED_COLUMNS: Final = ("storage_key", "is_sound")
# The columns `OWNED_COLUMNS` of what has files. Raw: a snapshot reads SQL text, on a connection of its own.
OWNED_KEYS_AND_KINDS: Final = f"SELECT {', '.join(OWNED_COLUMNS)} FROM ({OWNED_KEYS}) AS owned"


def every_row(table: type[Table], columns: Sequence[str]) -> str:
    """Select all rows of a table in the order of their key.

    Raw: a snapshot reads SQL text, on a connection of its own, with a cursor.
    """
    listed = ", ".join(f'"{column}"' for column in columns)
    key = table._meta.primary_key._meta.db_column_name
    return f'SELECT {listed} FROM "{table._meta.tablename}" ORDER BY "{key}"'


async def insert_rows(
    database: Database, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows as a backup has them, with their ids.

    Raw: one prepared statement for all rows; the builder makes an object of each.
    """
    listed, parameters = ", ".join(f'"{name}"' for name in columns), ", ".join("{}" for _ in columns)
    await database.execute_many(f'INSERT INTO "{table}" ({listed}) VALUES ({parameters})', rows)


async def restart_sequence(database: Database, table: str) -> None:
    """Have PostgreSQL number new rows of a table from its highest id on; SQLite does so by itself.

    Raw: sequences are PostgreSQL's own.
    """
    highest = f'(SELECT MAX(id) FROM "{table}")'
    await database.fetch(
        f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), COALESCE({highest}, 1),"
        f" {highest} IS NOT NULL)"
    )
