"""Very many sounds, finished jobs and accounts, for measurements: the database multiplies a small library."""

from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.library_data import OWNERS, RARE, fill_library
from webapp.database import Database, Dialect
from webapp.database.link import no_time_limit
from webapp.services.shared.tallies import fold

BASE: Final = 10_000
# The words in square brackets are replaced. A copy is known by its number, as the first ones are.
_ACCOUNTS: Final = (
    "INSERT INTO account (username, username_key, password_hash, tier, is_admin, is_disabled, aura_balance,"
    " created_ms) SELECT [name], [name], '', 'creator', is_admin, is_disabled, 0, 1"
    " FROM account WHERE id <= [count] ORDER BY id"
)
_NAME: Final = "'user' || CAST(id - 1 + [first] AS TEXT)"
_COLUMNS: Final = {
    "job": (
        "status, created_ms, prompt, model, duration_s, is_loopable, seed, seed_was_given, tier, priority,"
        " fence, progress_pct, retry_count, lost_workers, finished_ms"
    ),
    "sound": (
        "created_ms, engine, engine_label, checkpoint, license, seed, duration_s, sample_rate, channels,"
        " quality_score, quality_reasons, peaks, bytes_total"
    ),
    "item": (
        "created_ms, model, duration_s, is_loopable, quality_score, title, tags, is_public, is_hidden,"
        " moderation_note, moderator, title_words, upvotes, downvotes, plays, downloads"
    ),
}
_OF_BASE: Final = " WHERE job.sequence <= [base] ORDER BY job.sequence"
_COPIES: Final = (
    (
        "INSERT INTO job (job_id, sequence, account, generation_id, [job])"
        " SELECT [job_id], job.sequence + [first], [account], [sound_id], [job.] FROM job"
    ),
    (
        "INSERT INTO sound (generation_id, job, account, storage_key, [sound])"
        " SELECT [sound_id], [job_id], [account], [sound_id] || '-1', [sound.]"
        " FROM job JOIN sound ON sound.job = job.job_id"
    ),
    (
        "INSERT INTO library_item (sound, account, prompt, words, [item])"
        " SELECT [sound_id], [account], [prompt], [words], [item.]"
        " FROM job JOIN library_item AS item ON item.sound = job.generation_id"
    ),
)
_NUMBER: Final = "(job.sequence - 1 + [first])"
_DIGITS: Final[dict[Dialect, str]] = {
    "sqlite": "printf('%0[width]x', [value])",
    "postgres": "lpad(to_hex([value]), [width], '0')",
}


async def fill_growing(database: Database, *, sounds: int, accounts: int) -> None:
    """Put so many finished jobs with their sounds, and so many accounts, into an empty database."""
    base = min(sounds, BASE)
    with no_time_limit():
        await fill_library(database, base)
        for first in range(OWNERS, accounts, OWNERS):
            words = {"name": _NAME, "count": min(OWNERS, accounts - first), "first": first}
            await database.fetch(_filled(_ACCOUNTS, words))
        for first in range(base, sounds, base):
            async with database.transaction(durable=False):
                for statement in _copies(database.dialect, first, base, max(accounts, OWNERS)):
                    await database.fetch(statement)
        await database.fetch("UPDATE queue_state SET next_sequence = {} WHERE id = 1", sounds + 1)
        await fold(database)
        # As autovacuum does some time after so many rows came.
        await database.fetch("ANALYZE" if database.dialect == "sqlite" else "VACUUM ANALYZE")


def _copies(dialect: Dialect, first: int, base: int, accounts: int) -> Iterator[str]:
    """Write statements that copy the first sounds as those of the numbers from `first` on."""

    def digits(value: str, width: int) -> str:
        return _filled(_DIGITS[dialect], {"value": value, "width": width})

    columns = {
        f"{table}.": ", ".join(f"{table}.{name.strip()}" for name in names.split(","))
        for table, names in _COLUMNS.items()
    }
    words = {
        **_COLUMNS,
        **columns,
        **{name: f"replace(item.{name}, ' {RARE}', '')" for name in ("prompt", "words")},
        "job_id": digits(_NUMBER, 12),
        # Real ids are random, so the folders of sounds are spread likewise.
        "sound_id": f"{digits(f'({_NUMBER} % 256)', 2)} || {digits(_NUMBER, 18)}",
        "account": f"CAST(1 + {_NUMBER} * 7919 % {accounts} AS INTEGER)",
        "base": base,
        "first": first,
    }
    for copy in _COPIES:
        yield _filled(copy + _OF_BASE, words)


def _filled(statement: str, words: Mapping[str, object]) -> str:
    for word, text in words.items():
        statement = statement.replace(f"[{word}]", str(text))
    return statement
