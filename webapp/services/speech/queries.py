"""Raw statements of speech, each with the reason why it is raw."""

from collections.abc import Collection
from typing import Final

from piccolo.columns.combination import WhereRaw

from webapp.database import Database

# In the words of the partial indexes, which SQLite does not use for a parameter.
WAITING: Final = WhereRaw("status = 'queued'")
# The sample of a voice.
IS_SAMPLE: Final = WhereRaw("account IS NULL AND status <> 'failed'")

# Whoever's last text is longest ago goes next, so that nobody waits behind somebody else's hundred. A sample
# stands where somebody would whose last text was spoken when it was asked for. Takes the latest time at which
# a lease can expire: a time beyond it was written before the clock was set back.
_LAST_SERVED: Final = (
    "COALESCE((SELECT MAX(COALESCE(other.finished_ms, other.lease_expires_ms)) FROM speech_request other"
    " WHERE other.account = waiting.account AND other.status <> 'queued'"
    " AND COALESCE(other.finished_ms, other.lease_expires_ms) <= {}),"
    " CASE WHEN waiting.account IS NULL THEN waiting.created_ms ELSE 0 END)"
)


async def next_request(database: Database, voices: Collection[str], latest_ms: int) -> str | None:
    """Find and lock the next request for one of these voices; returns its id.

    Raw for the correlated order, and for SKIP LOCKED, which is PostgreSQL's alone: SQLite's transaction is
    the lock itself.
    """
    marks = ", ".join("{}" for _ in voices)
    lock = " FOR UPDATE OF waiting SKIP LOCKED" if database.dialect == "postgres" else ""
    rows = await database.fetch(
        f"SELECT request_id FROM speech_request waiting WHERE status = 'queued' AND voice IN ({marks})"
        f" ORDER BY {_LAST_SERVED}, created_ms, request_id LIMIT 1{lock}",
        *voices,
        latest_ms,
    )
    return str(rows[0]["request_id"]) if rows else None
