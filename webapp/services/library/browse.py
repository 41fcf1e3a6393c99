"""Lists of sounds, single sounds, and how many there are."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import NotFound
from webapp.policy.library.fields import LIBRARY_MODELS, Cursor, LibraryQuery, is_generation_id
from webapp.services.accounts.identity import Identity
from webapp.services.library import queries
from webapp.services.library.listing_queries import (
    MANY,
    PUBLIC,
    Listing,
    Scope,
    favorites_of,
    own,
)
from webapp.services.library.totals import Totals
from webapp.services.library.views import LibraryItemView, LibraryPage, item_view, snippets_of
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.tallies import count_sounds, listed_of

CACHED: Final = 256
# From this offset on, counting the matches first does not pay.
FAR: Final = 5_000
NOT_FOUND: Final = "Sound not found"


class Browser:
    """Finds sounds. Readers get no hint of the sounds that they may not see."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._pages: ReadCache[tuple[Scope, LibraryQuery], LibraryPage] = ReadCache(
            database, clock, capacity=CACHED
        )
        self._totals = Totals(database, clock)
        self._counts: ReadCache[None, dict[str, int]] = ReadCache(database, clock, capacity=1)

    async def public(self, query: LibraryQuery) -> LibraryPage:
        """Read a page of what everybody may see."""
        return await self._page(PUBLIC, query)

    async def own(self, identity: Identity, query: LibraryQuery) -> LibraryPage:
        """Read a page of what the account made, published or not."""
        return await self._page(own(identity.account_id), query)

    async def favorites(self, identity: Identity, query: LibraryQuery) -> LibraryPage:
        """Read a page of the account's favorites."""
        return await self._page(favorites_of(identity.account_id), query)

    async def within(self, scope: Scope, query: LibraryQuery) -> LibraryPage:
        """Read a page of a scope. The caller checks that the reader may see all of the scope."""
        return await self._page(scope, query)

    async def item(self, identity: Identity | None, sound_id: str) -> LibraryItemView:
        """Read one sound. Raises NotFound, also for one that this reader may not see."""
        return await find_item(self._database, identity, sound_id)

    async def counts(self) -> dict[str, int]:
        """Count the sounds that everybody may see, by model."""
        return await self._counts.get(None, self._count_models)

    async def _count_models(self) -> Reading[dict[str, int]]:
        found = await count_sounds(map(listed_of, LIBRARY_MODELS))
        return Reading({model: found.get(listed_of(model), 0) for model in LIBRARY_MODELS})

    async def _page(self, scope: Scope, query: LibraryQuery) -> LibraryPage:
        listing = Listing(self._database.dialect, scope, query)
        if listing.is_empty:
            return LibraryPage((), query.page, query.per_page, 0, None)
        return await self._pages.get((scope, query), partial(self._read_page, listing, query))

    async def _read_page(self, listing: Listing, query: LibraryQuery) -> Reading[LibraryPage]:
        found, total = await asyncio.gather(self._walk(listing, query), self._totals.of(listing))
        shown = found[: query.per_page]
        items = tuple(item_view(row) for _, row in shown)
        is_marked = query.has_snippets and listing.is_search
        page = LibraryPage(
            items=items,
            page=query.page,
            per_page=query.per_page,
            total=total.count,
            is_total_exact=total.is_exact,
            next=_cursor(*shown[-1]) if len(found) > len(shown) else None,
            snippets=await asyncio.to_thread(snippets_of, items, listing.words) if is_marked else (),
        )
        return Reading(page, total.valid_until_ms)

    async def _walk(self, listing: Listing, query: LibraryQuery) -> list[tuple[int, Row]]:
        """Read the rows of a page and one more, each with its stage."""
        wanted = query.per_page + 1
        skip = 0 if query.after else (query.page - 1) * query.per_page
        after, first = query.after, query.after.stage if query.after else 0
        found: list[tuple[int, Row]] = []
        for stage in listing.stages[first:]:
            if stage != listing.stages[-1]:
                total = (await self._totals.of(listing, stage)).count
                if skip >= total:
                    skip -= total
                    continue
            are_many = listing.is_search and (skip >= FAR or await self._are_many(listing, stage))
            statement = listing.rows(stage, wanted - len(found), skip, after, are_many=are_many)
            rows = await statement.run(self._database)
            found += [(stage, row) for row in rows]
            if len(found) == wanted:
                break
            skip, after = 0, None
        return found

    async def _are_many(self, listing: Listing, stage: int) -> bool:
        total = (await self._totals.of(listing)).count
        if total < MANY or len(listing.stages) == 1:
            return total >= MANY
        in_titles = (await self._totals.of(listing, 0)).count
        return (in_titles if stage == 0 else total - in_titles) >= MANY


async def find_item(
    database: Database, identity: Identity | None, sound_id: str, *, to_change: bool = False
) -> LibraryItemView:
    """Read one sound, in the caller's transaction if there is one.

    With `to_change`, nobody else changes or deletes it before that transaction ends. Raises NotFound, also
    for one that this reader may not see.
    """
    row = None
    if is_generation_id(sound_id):
        row = await queries.item_row(database, sound_id, is_locked=to_change)
    item = item_view(row) if row else None
    if item is None or not item.is_open_to(identity):
        raise NotFound(NOT_FOUND)
    return item


async def find_items_to_change(
    database: Database, identity: Identity, sound_ids: Iterable[str]
) -> list[LibraryItemView]:
    """Read several sounds and lock them for the caller's transaction, leaving out what is not found.

    They are locked in the order of their ids, so that two selections that overlap wait for each other rather
    than deadlock. For the same reason the caller takes other locks, such as a rate limit's, afterwards.
    """
    items = []
    for sound_id in sorted(set(sound_ids)):
        with suppress(NotFound):
            items.append(await find_item(database, identity, sound_id, to_change=True))
    return items


def _cursor(stage: int, row: Row) -> Cursor:
    return Cursor(stage, row["sort_value"], row["row_id"])
