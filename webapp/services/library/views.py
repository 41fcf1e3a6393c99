"""The library as plain values, ready to be rendered."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from webapp.database import Row
from webapp.policy.library.fields import Cursor
from webapp.policy.library.snippets import Piece, marked, snippet
from webapp.services.accounts.identity import Identity

SHOWN_TITLE_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class LibraryItemView:
    """A sound in the library. `title` is the owner's, or the prompt's beginning where there is none."""

    row_id: int
    sound_id: str
    account_id: int
    owner: str
    title: str
    prompt: str
    model: str
    duration_s: float
    tags: tuple[str, ...]
    upvotes: int
    downvotes: int
    plays: int
    downloads: int
    quality_score: int
    seed: int
    engine: str
    license: str
    is_loopable: bool
    is_public: bool
    is_hidden: bool
    created_ms: int

    @property
    def is_listed(self) -> bool:
        """True if everybody may see it."""
        return self.is_public and not self.is_hidden

    def is_open_to(self, identity: Identity | None) -> bool:
        """Decide if a reader may see it; None is one who is not signed in."""
        if self.is_listed:
            return True
        return identity is not None and (identity.is_admin or identity.account_id == self.account_id)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A search result's title and the matching part of its prompt, in pieces of text."""

    title: tuple[Piece, ...]
    prompt: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """One page of a list. `next` is the cursor of the page after it, if there is one.

    `snippets` has one for each item where they were asked for and something was searched for. A total that is
    not exact was counted within the last minute.
    """

    items: tuple[LibraryItemView, ...]
    page: int
    per_page: int
    total: int
    next: Cursor | None
    snippets: tuple[Snippet, ...] = ()
    is_total_exact: bool = True

    @property
    def has_more(self) -> bool:
        return self.next is not None


def snippets_of(items: Iterable[LibraryItemView], words: Sequence[str]) -> tuple[Snippet, ...]:
    """Mark what was searched for in the items' texts; the longest take some milliseconds each."""
    return tuple(Snippet(marked(item.title, words), snippet(item.prompt, words)) for item in items)


def item_view(row: Row) -> LibraryItemView:
    """Make an item of a row of `queries.ITEM_COLUMNS`."""
    values = {name: row[name] for name in LibraryItemView.__dataclass_fields__}
    values["title"] = row["title"] or shown_title(row["prompt"])
    values["tags"] = tuple(json.loads(row["tags"]))
    for name in ("is_loopable", "is_public", "is_hidden"):
        values[name] = bool(row[name])
    return LibraryItemView(**values)


def shown_title(prompt: str) -> str:
    """Shorten a prompt to its beginning, cut between words where it has any."""
    if len(prompt) <= SHOWN_TITLE_CHARACTERS:
        return prompt
    cut = prompt[: SHOWN_TITLE_CHARACTERS - 1]
    return (cut.rsplit(" ", 1)[0] or cut).rstrip() + "…"
