"""Published sounds at random, for endless play."""

import random
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from webapp.ids import Ids
from webapp.policy.library.fields import Cursor, LibraryQuery
from webapp.services.library.browse import Browser
from webapp.services.library.views import LibraryItemView

# Sounds are read in runs from several rows of the list: a big library costs as little as a small one.
STARTS: Final = 8


class Radio:
    """Draws sounds from the published ones."""

    def __init__(self, browse: Browser, ids: Ids) -> None:
        self._browse = browse
        self._ids = ids

    async def shuffled(
        self, query: LibraryQuery, count: int, excluded: Collection[str] = ()
    ) -> list[LibraryItemView]:
        """Return up to `count` sounds of a list, each once, in random order, without those that are excluded.

        Of a short list, these are all; of a long one, each sound has about the same chance.
        """
        chance = random.Random(self._ids.seed())  # noqa: S311  # nothing is protected by it
        wanted = count + len(excluded)
        newest = await self._browse.public(replace(query, sort="created", page=1, per_page=wanted))
        if newest.next is None:
            found = {item.sound_id: item for item in newest.items}
        else:
            found = await self._drawn(replace(query, sort="created", page=1), wanted, chance)
        kept = [item for sound_id, item in found.items() if sound_id not in excluded]
        chance.shuffle(kept)
        return kept[:count]

    async def _drawn(
        self, query: LibraryQuery, wanted: int, chance: random.Random
    ) -> dict[str, LibraryItemView]:
        found: dict[str, LibraryItemView] = {}
        latest = await self._browse.public(replace(query, per_page=1))
        last_row = max((item.row_id for item in latest.items), default=0)
        run = max(1, -(-wanted // STARTS))
        for _ in range(STARTS):
            row = chance.randint(1, last_row + 1)
            start = Cursor(0, row, row)
            page = await self._browse.public(replace(query, per_page=run, after=start))
            found |= {item.sound_id: item for item in page.items}
        if len(found) < wanted:
            # The runs met each other, or the end of the list.
            page = await self._browse.public(replace(query, per_page=wanted))
            found |= {item.sound_id: item for item in page.items if len(found) < wanted}
        return found
