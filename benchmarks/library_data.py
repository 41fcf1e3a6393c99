"""A library of many sounds, for measurements: texts like people write, and every kind of word."""

import random
from collections.abc import Iterator

from webapp.database import Database
from webapp.policy.library.search import search_words

OWNERS = 200
# In every sound, in about a tenth of them, and in fifty.
COMMON, FREQUENT, RARE = "recorded", "rainfall", "theremin"
_OPENINGS = ("calm", "heavy", "distant", "warm", "slow", "bright", "dark", "gentle", "looping", "wide")
_PLACES = ("roof", "forest", "station", "harbour", "kitchen", "valley", "tunnel", "market", "attic", "meadow")
_THINGS = ("piano", "drum", "engine", "choir", "river", "clock", "guitar", "crowd", "wind", "synth")
BATCH = 5_000


async def fill_library(database: Database, sounds: int, *, seed: int = 7) -> None:
    """Put so many completed jobs with their sounds into an empty database; nine of ten are published."""
    chance = random.Random(seed)
    await _add_owners(database)
    for first in range(0, sounds, BATCH):
        numbers = range(first, min(first + BATCH, sounds))
        rows = [_row(number, sounds, chance) for number in numbers]
        async with database.transaction(durable=False):
            await _add_rows(database, rows)
    await database.fetch("ANALYZE")


def _row(number: int, sounds: int, chance: random.Random) -> dict[str, object]:
    is_rare = number % max(1, sounds // 50) == 0
    words = [
        chance.choice(_OPENINGS), chance.choice(_THINGS), "in the", chance.choice(_PLACES),
        COMMON, FREQUENT if number % 10 == 0 else "", f"take{chance.randrange(5_000)}",
        RARE if is_rare else "",
    ]  # fmt: skip
    prompt = " ".join(filter(None, words))
    title = f"{chance.choice(_THINGS)} {number}" if number % 3 == 0 else ""
    return {
        "number": number, "prompt": prompt, "title": title, "owner": chance.randrange(OWNERS) + 1,
        "model": ("music", "audio", "magnet", "voice")[chance.randrange(4)],
        "duration_s": chance.randrange(4, 720) / 4, "quality": chance.randrange(101),
        "is_public": chance.random() < 0.9, "upvotes": int(chance.expovariate(0.2)),
        "downvotes": int(chance.expovariate(1)), "plays": int(chance.expovariate(0.01)),
    }  # fmt: skip


async def _add_owners(database: Database) -> None:
    rows = [(f"user{number}", f"user{number}", "", "creator", False, False, 0, 1) for number in range(OWNERS)]
    async with database.transaction(durable=False):
        await database.execute_many(
            "INSERT INTO account (username, username_key, password_hash, tier, is_admin, is_disabled,"
            " aura_balance, created_ms) VALUES ({}, {}, {}, {}, {}, {}, {}, {})",
            rows,
        )


async def _add_rows(database: Database, rows: list[dict[str, object]]) -> None:
    for sql, values in (_jobs(rows), _sounds(rows), _items(rows)):
        marks = ", ".join("{}" for _ in values[0])
        await database.execute_many(f"{sql} VALUES ({marks})", values)


def _ids(row: dict[str, object]) -> tuple[str, str]:
    return f"{row['number']:012x}", f"{row['number']:020x}"


def _jobs(rows: list[dict[str, object]]) -> tuple[str, list[tuple[object, ...]]]:
    columns = (
        "INSERT INTO job (job_id, sequence, account, generation_id, status, created_ms, prompt, model,"
        " duration_s, is_loopable, seed, seed_was_given, tier, priority, fence, progress_pct, retry_count,"
        " lost_workers, finished_ms)"
    )
    return columns, [
        (
            _ids(row)[0], int(str(row["number"])) + 1, row["owner"], _ids(row)[1], "completed", 1,
            row["prompt"], row["model"], row["duration_s"], False, 7, False, "creator", 1, 1, 100, 0, 0, 2,
        )
        for row in rows
    ]  # fmt: skip


def _sounds(rows: list[dict[str, object]]) -> tuple[str, list[tuple[object, ...]]]:
    columns = (
        "INSERT INTO sound (generation_id, job, account, storage_key, created_ms, engine, engine_label,"
        " checkpoint, license, seed, duration_s, sample_rate, channels, quality_score, quality_reasons,"
        " peaks, bytes_total)"
    )
    # Waveforms are as long as real ones, so that rows are as wide.
    peaks = str([-100, 100] * 400)
    return columns, [
        (
            _ids(row)[1], _ids(row)[0], row["owner"], f"{_ids(row)[1]}-1", 1, "sketch", "sketch", "", "", 7,
            row["duration_s"], 32_000, 2, row["quality"], "[]", peaks, 1_000_000,
        )
        for row in rows
    ]  # fmt: skip


def _items(rows: list[dict[str, object]]) -> tuple[str, list[tuple[object, ...]]]:
    columns = (
        "INSERT INTO library_item (sound, account, created_ms, model, prompt, duration_s, is_loopable,"
        " quality_score, title, tags, is_public, is_hidden, moderation_note, moderator, title_words, words,"
        " upvotes, downvotes, plays, downloads)"
    )
    return columns, list(_item_values(rows))


def _item_values(rows: list[dict[str, object]]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        title, prompt = str(row["title"]), str(row["prompt"])
        yield (
            _ids(row)[1], row["owner"], 1, row["model"], prompt, row["duration_s"], False, row["quality"],
            title, "[]", row["is_public"], False, "", "", " ".join(search_words(title)),
            " ".join(search_words(f"{title}\n{prompt}")), row["upvotes"], row["downvotes"], row["plays"], 0,
        )  # fmt: skip
