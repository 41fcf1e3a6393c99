"""Statements about accounts that stay SQL: on measured hot paths, or beyond Piccolo's query builder."""

from typing import Final

from webapp.database import Database, Row, literals
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.shared.tallies import stored_by

# Raw for speed: runs with every API request whose token is not in the cache.
_BEARER: Final = (
    "SELECT api_token.id AS token_id, api_token.last_used_ms, api_token.expires_ms, account.id,"
    " account.username, account.tier, account.is_admin"
    " FROM api_token JOIN account ON account.id = api_token.account"
    " WHERE api_token.token_hash = {} AND (api_token.expires_ms IS NULL OR api_token.expires_ms > {})"
    " AND NOT account.is_disabled"
)

# Raw for speed: runs with every page request.
_SESSION: Final = (
    "SELECT web_session.id AS session_id, web_session.last_seen_ms, web_session.expires_ms,"
    " account.id, account.username, account.tier, account.is_admin"
    " FROM web_session JOIN account ON account.id = web_session.account"
    " WHERE web_session.secret_hash = {} AND NOT account.is_disabled"
)

# Raw because one statement has to see balances and entries at the same moment, and the builder cannot cast
# PostgreSQL's sum back to an integer type.
_BALANCE_MISMATCHES: Final = (
    "SELECT account.id AS account_id, account.aura_balance AS balance,"
    " CAST(COALESCE(SUM(aura_entry.amount), 0) AS BIGINT) AS entries_sum"
    " FROM account LEFT JOIN aura_entry ON aura_entry.account = account.id"
    " GROUP BY account.id, account.aura_balance"
    " HAVING account.aura_balance <> COALESCE(SUM(aura_entry.amount), 0) ORDER BY account.id"
)

# Raw for speed: runs with every accepted job. The literal states are what SQLite's partial index asks for.
_USAGE: Final = (
    "SELECT"
    " (SELECT COUNT(*) FROM job WHERE account = {} AND created_ms > {}"
    "  AND created_ms <= {}) AS in_hour,"
    " (SELECT MIN(created_ms) FROM (SELECT created_ms FROM job WHERE account = {} AND created_ms > {}"
    "  AND created_ms <= {}"
    "  ORDER BY created_ms DESC LIMIT {}) AS newest) AS next_to_leave_ms,"
    f" (SELECT COUNT(*) FROM job WHERE account = {{}} AND status IN {literals(ACTIVE)}) AS active,"
    " (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM tally WHERE name = {}) AS stored,"
    " (SELECT COUNT(*) FROM throttle_hit WHERE bucket = {} AND at_ms > {} AND at_ms <= {}) AS spoken"
)


async def find_token(database: Database, token_hash: str, now_ms: int) -> Row | None:
    """Return a token that has not expired with its account; None as well for a disabled account."""
    rows = await database.fetch(_BEARER, token_hash, now_ms)
    return rows[0] if rows else None


async def find_session(database: Database, hashed_secret: str) -> Row | None:
    """Return a session with its account, whatever its end; None as well for a disabled account."""
    rows = await database.fetch(_SESSION, hashed_secret)
    return rows[0] if rows else None


async def balance_mismatches(database: Database) -> list[Row]:
    """Return the accounts whose balance is not the sum of their ledger entries."""
    return await database.fetch(_BALANCE_MISMATCHES)


async def account_usage(
    database: Database, account_id: int, hour: tuple[int, int], *, hourly_limit: int, speech_bucket: str
) -> Row:
    """Return what an account uses of its limits.

    `hour` is the window, after its first and up to its last moment. `next_to_leave_ms` is when the oldest of
    the newest `hourly_limit` jobs in it was accepted.
    """
    newest = (account_id, *hour, max(1, hourly_limit))
    spoken = (speech_bucket, *hour)
    rows = await database.fetch(
        _USAGE, account_id, *hour, *newest, account_id, stored_by(account_id), *spoken
    )
    return rows[0]
