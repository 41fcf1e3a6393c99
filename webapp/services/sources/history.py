"""The chain of continuations that a sound stands in: those before it, and those that go on from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from piccolo.custom_types import Combinable

from webapp.policy.continuations import Ancestor
from webapp.services.accounts.identity import Identity
from webapp.services.library.views import shown_title
from webapp.services.queue.continuations import lineage_of
from webapp.tables import Job, LibraryItem

MOST_CONTINUATIONS: Final = 12


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A sound of a chain. `sound_id` is None for one that is gone, or that this reader may not see.

    `from_s` is the second from which the next one goes on; of a continuation, from which it does.
    """

    sound_id: str | None
    title: str
    from_s: float


@dataclass(frozen=True, slots=True)
class SoundHistory:
    """The sounds before one, the first one first, and its newest continuations."""

    before: tuple[HistoryEntry, ...] = ()
    after: tuple[HistoryEntry, ...] = ()


class SoundHistories:
    """Reads histories. Whatever the length of a chain, it takes three statements."""

    async def of(self, reader: Identity | None, sound_id: str) -> SoundHistory:
        """Read the history of a sound that the reader may see; None is one who is not signed in."""
        row = await Job.select(Job.lineage).where(Job.generation_id == sound_id).first()
        ancestors = lineage_of(row["lineage"]) if row else ()
        before = await _before(reader, ancestors) if ancestors else ()
        return SoundHistory(before, await _after(reader, sound_id))


async def _before(reader: Identity | None, ancestors: Sequence[Ancestor]) -> tuple[HistoryEntry, ...]:
    ids = [ancestor.generation_id for ancestor in ancestors]
    item = LibraryItem
    rows = await item.select(item.sound, item.title, item.prompt).where(
        item.sound.is_in(ids) & _visible_to(reader)
    )
    titles = {row["sound"]: _title(row) for row in rows}
    return tuple(
        HistoryEntry(
            ancestor.generation_id if ancestor.generation_id in titles else None,
            titles.get(ancestor.generation_id, ""),
            ancestor.from_s,
        )
        for ancestor in ancestors
    )


async def _after(reader: Identity | None, sound_id: str) -> tuple[HistoryEntry, ...]:
    item = LibraryItem
    job: Any = item.sound.job
    rows = await (
        item.select(item.sound, item.title, item.prompt, job.continues_from_s.as_alias("from_s"))
        .where((job.continues == sound_id) & _visible_to(reader))
        .order_by(item.id, ascending=False)
        .limit(MOST_CONTINUATIONS)
    )
    return tuple(HistoryEntry(row["sound"], _title(row), row["from_s"] or 0.0) for row in rows)


def _title(row: dict[str, Any]) -> str:
    return row["title"] or shown_title(row["prompt"])


def _visible_to(reader: Identity | None) -> Combinable:
    is_listed = (LibraryItem.is_public == True) & (LibraryItem.is_hidden == False)  # noqa: E712 - SQL
    if reader is None:
        return is_listed
    if reader.is_admin:
        return LibraryItem.id >= 0
    return is_listed | (LibraryItem.account == reader.account_id)
