"""How the databases read lists: from indexes, in order, and not by looking at every sound."""

import json
from typing import Final

import pytest

from benchmarks.library_data import COMMON, RARE, fill_library
from webapp.policy.library.fields import Cursor, LibraryQuery, Sort
from webapp.services.container import Services
from webapp.services.library.listing_queries import PUBLIC, Listing, Scope, Statement, favorites_of, own

SOUNDS: Final = 2_000
SORTS: Final[tuple[Sort, ...]] = ("votes", "plays", "duration", "quality")


@pytest.fixture
async def many(services: Services) -> Services:
    """The services over a library of many sounds and owners."""
    await fill_library(services.database, SOUNDS)
    return services


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


async def test_every_order_is_read_from_its_index(many: Services) -> None:
    for after in (None, Cursor(0, 5, 1_000)):
        for sort in SORTS:
            listing = _listing(many, LibraryQuery(sort=sort))
            plan = await _plan(many, listing.rows(0, 21, 0, after), "sort")
            assert f"library_listed_{sort}" in plan, plan
        plan = await _plan(many, _listing(many, LibraryQuery()).rows(0, 21, 0, after), "sort")
        if many.database.dialect == "postgres":
            assert "library_listed_pkey" in plan, plan
        else:
            # By the table's own order: sorted is only the page, which is joined to what it shows.
            assert plan.count("TEMP B-TREE") == 1, plan


async def test_counts_and_filters_use_indexes(many: Services) -> None:
    for query, index in (
        (LibraryQuery(), "library_listed"),
        (LibraryQuery(model="audio"), "library_listed_model"),
        (LibraryQuery(owner="user7"), "library_listed_account"),
        (LibraryQuery(min_duration_s=170), "library_listed_duration"),
    ):
        plan = await _plan(many, _listing(many, query).count())
        assert index in plan, plan
        if many.database.dialect == "sqlite":
            assert "USING COVERING INDEX" in plan or "USING INDEX" in plan, plan


async def test_lists_of_one_account_are_read_by_account(many: Services) -> None:
    for scope, index in ((own(3), "library_item_of_account"), (favorites_of(3), "favorite_once")):
        for query in (LibraryQuery(), LibraryQuery(search=COMMON, sort="plays")):
            listing = _listing(many, query, scope)
            plan = await _plan(many, listing.count())
            assert index in plan, plan


async def test_a_search_reads_the_full_text_and_few_matches_are_sorted(many: Services) -> None:
    full_text = {"sqlite": "library_search VIRTUAL TABLE INDEX", "postgres": "library_listed_search"}
    sorts: tuple[Sort | None, ...] = (None, "created", *SORTS)
    for sort in sorts:
        query = LibraryQuery(search=RARE, sort=sort)
        listing = _listing(many, query)
        rows = [listing.rows(stage, 21, 0) for stage in listing.stages]
        for statement in (listing.count(), rows[-1]):
            plan = await _plan(many, statement)
            assert full_text[many.database.dialect] in plan, plan


async def test_many_matches_are_read_in_the_order_of_an_index(many: Services) -> None:
    for sort in SORTS:
        listing = _listing(many, LibraryQuery(search=COMMON, sort=sort))
        plan = await _plan(many, listing.rows(0, 21, 0, are_many=True))
        assert f"library_listed_{sort}" in plan, plan
        if many.database.dialect == "sqlite":
            assert "library_search VIRTUAL TABLE INDEX" in plan, plan
