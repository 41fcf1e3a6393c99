"""How the databases read lists: from indexes, in order, and not by looking at every sound."""

import json

import pytest

from tests.factories import MakeAccount
from webapp.policy.library import Cursor, LibraryQuery
from webapp.policy.search import search_words
from webapp.services.container import Services
from webapp.services.library.listing import PUBLIC, Listing, Scope, Statement, own
from webapp.tables import LibraryItem

SOUNDS = 3_000


@pytest.fixture
async def many(services: Services, make_account: MakeAccount) -> int:
    """A library of one owner, whose account it returns."""
    ann = await make_account()
    async with services.database.transaction():
        for number in range(SOUNDS):
            await _add(services, ann.account_id, number)
    await services.database.fetch("ANALYZE")
    return ann.account_id


async def _add(services: Services, account_id: int, number: int) -> None:
    # Where nearly all is published SQLite rightly reads the whole table: it must not where little is.
    is_sparse = services.database.dialect == "sqlite"
    fetch = services.database.fetch
    prompt, job_id, sound_id = f"rain number{number}", f"{number:012x}", f"{number:020x}"
    await fetch(
        "INSERT INTO job (job_id, sequence, account, generation_id, status, created_ms, prompt, model,"
        " duration_s, seed, tier, priority)"
        " VALUES ({}, {}, {}, {}, 'completed', 1, '', 'music', 8, 1, 'free', 4)",
        job_id, number + 1, account_id, sound_id,
    )  # fmt: skip
    await fetch(
        "INSERT INTO sound (generation_id, job, account, storage_key, created_ms, engine, engine_label,"
        " seed, duration_s, sample_rate, channels, quality_score, bytes_total)"
        " VALUES ({}, {}, {}, '', 1, '', '', 1, 8, 1, 1, 1, 1)",
        sound_id, job_id, account_id,
    )  # fmt: skip
    await LibraryItem.insert(
        LibraryItem(
            sound=sound_id, account=account_id, created_ms=1, prompt=prompt, duration_s=number % 60 + 1,
            model="music" if number % 4 else "audio", quality_score=number % 100,
            is_public=(number % 10 == 0) == is_sparse,
            words=" ".join(search_words(prompt)), upvotes=number % 7, plays=number % 9,
        )
    )  # fmt: skip


async def _plan(services: Services, statement: Statement, *avoided: str) -> str:
    if services.database.dialect == "sqlite":
        rows = await services.database.fetch(f"EXPLAIN QUERY PLAN {statement.sql}", *statement.arguments)
        return "\n".join(row["detail"] for row in rows)
    async with services.database.transaction():
        # So few rows are cheaper to read whole; the question is whether an index would do.
        for way in ("seqscan", "hashjoin", "mergejoin", *avoided):
            await services.database.fetch(f"SET LOCAL enable_{way} = off")
        rows = await services.database.fetch(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.arguments)
    return json.dumps(rows[0]["QUERY PLAN"])


def _listing(services: Services, query: LibraryQuery, scope: Scope = PUBLIC) -> Listing:
    return Listing(services.database.dialect, scope, query)


async def test_every_order_is_read_from_its_index(services: Services, many: int) -> None:
    for query, index in (
        (LibraryQuery(), "library_item_listed"),
        (LibraryQuery(sort="votes"), "library_item_listed_votes"),
        (LibraryQuery(sort="plays"), "library_item_listed_plays"),
        (LibraryQuery(sort="duration"), "library_item_listed_duration"),
        (LibraryQuery(sort="quality"), "library_item_listed_quality"),
    ):
        for after in (None, Cursor(0, 5, 1_000)):
            plan = await _plan(services, _listing(services, query).rows(0, 21, 0, after), "sort")
            by_row = "library_item_pkey" if query.sort is None else index
            assert index in plan or by_row in plan, plan


async def test_counts_and_own_lists_use_indexes(services: Services, many: int) -> None:
    assert "library_item_listed" in await _plan(services, _listing(services, LibraryQuery()).count())
    assert "library_item_listed" in await _plan(
        services, _listing(services, LibraryQuery(model="audio")).count()
    )
    one = Scope("item.account = {}", (many + 1,))
    plan = await _plan(services, _listing(services, LibraryQuery(), one).rows(0, 21, 0))
    assert "library_item_of_account" in plan, plan
    assert own(1) == Scope("item.account = {}", (1,))


async def test_a_rare_word_is_looked_up_in_the_full_text(services: Services, many: int) -> None:
    for query in (LibraryQuery(search="number77"), LibraryQuery(search="number77", sort="plays")):
        listing = _listing(services, query)
        if services.database.dialect == "postgres":
            # Which of its indexes finds a page soonest is the planner's guess; counting leaves it no choice.
            plan = await _plan(services, listing.count())
            assert "library_item_search" in plan, plan
            continue
        for statement in (listing.count(), *(listing.rows(stage, 21, 0) for stage in listing.stages)):
            plan = await _plan(services, statement)
            assert "library_search VIRTUAL TABLE INDEX" in plan, plan
