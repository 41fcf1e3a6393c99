"""Raw statements of the shared mechanisms, each with the reason why it is raw."""

from collections.abc import Mapping

from webapp.database import Database, Row


async def claim_row(
    database: Database, table: str, key_column: str, key: str, values: Mapping[str, object]
) -> Row | None:
    """Put one row into the hands of the worker that `values` names, unless that worker is draining.

    Raw because claiming was measured, and it returns the whole row without an object for every column.
    Names of tables and columns are our own.
    """
    assignments = ", ".join(f"{column} = {{}}" for column in values)
    rows = await database.fetch(
        f"UPDATE {table} SET status = 'processing', fence = fence + 1, {assignments}"
        f" WHERE {key_column} = {{}}"
        " AND NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining) RETURNING *",
        *values.values(),
        key,
        values["worker_id"],
    )
    return rows[0] if rows else None
