"""Everything that is stored about an account, for its owner to take along."""

from typing import Any, Final

from webapp.database import Database
from webapp.errors import NotFound

# What is left out: hashes of secrets, and how jobs were handed to workers.
_PARTS: Final = {
    "tokens": (
        "SELECT label, created_ms, expires_ms, last_used_ms FROM api_token WHERE account = {} ORDER BY id"
    ),
    "sessions": (
        "SELECT created_ms, expires_ms, last_seen_ms, address, user_agent"
        " FROM web_session WHERE account = {} ORDER BY id"
    ),
    "aura": (
        "SELECT kind, amount, balance_after, reason, job_id, author, created_ms"
        " FROM aura_entry WHERE account = {} ORDER BY id"
    ),
    "jobs": (
        "SELECT job_id, generation_id, status, created_ms, started_ms, finished_ms, prompt, model,"
        " duration_s, is_loopable, seed, seed_was_given, temperature, top_k, top_p, guidance, tier,"
        " skipped_ms, retry_count, error FROM job WHERE account = {} ORDER BY sequence"
    ),
    "sounds": (
        "SELECT generation_id, job AS job_id, created_ms, engine, engine_label, checkpoint, license, seed,"
        " duration_s, sample_rate, channels, loudness_lufs, true_peak_dbtp, quality_score, quality_reasons,"
        " bytes_total FROM sound WHERE account = {} ORDER BY created_ms, generation_id"
    ),
}
_FLAGS: Final = frozenset({"is_admin", "is_loopable", "seed_was_given"})


async def export_account(database: Database, account_id: int) -> dict[str, Any]:
    """An account and its tokens, sessions, ledger, jobs and sounds as values for JSON; times in ms UTC.

    The files of a sound are found under its `generation_id`. Raises NotFound.
    """
    rows = await database.fetch(
        "SELECT username, tier, is_admin, aura_balance, created_ms FROM account WHERE id = {}", account_id
    )
    if not rows:
        raise NotFound("Account not found")
    parts = {name: await database.fetch(sql, account_id) for name, sql in _PARTS.items()}
    return {
        "account": _plain(rows[0]),
        **{name: [_plain(row) for row in found] for name, found in parts.items()},
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with truth values where one of the databases has numbers."""
    return {name: bool(value) if name in _FLAGS else value for name, value in row.items()}
