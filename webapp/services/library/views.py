"""What the library tells: plain values, ready to be rendered."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from webapp.database import Row
from webapp.policy.library import Cursor
from webapp.policy.snippets import Piece, marked, snippet
from webapp.services.accounts.identity import Identity

SHOWN_TITLE_CHARACTERS: Final = 80
ITEM_COLUMNS: Final = (
    "item.id AS row_id, item.sound AS sound_id, item.title, item.prompt, item.model, item.duration_s,"
    " item.tags, item.upvotes, item.downvotes, item.plays, item.downloads, item.quality_score,"
    " item.is_loopable, item.is_public, item.is_hidden, item.created_ms, item.account AS account_id,"
    " sound.seed, sound.engine, sound.license, account.username AS owner"
)
ITEM_JOINS: Final = (
    " JOIN sound ON sound.generation_id = item.sound JOIN account ON account.id = item.account"
)
LISTED: Final = "item.is_public AND NOT item.is_hidden"


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
        """Whether everybody may see it."""
        return self.is_public and not self.is_hidden

    def is_open_to(self, identity: Identity | None) -> bool:
        """Whether somebody may see it; None is somebody who is not signed in."""
        if self.is_listed:
            return True
        return identity is not None and (identity.is_admin or identity.account_id == self.account_id)


@dataclass(frozen=True, slots=True)
class Snippet:
    """Where a search found a sound: its title and the part of its prompt that matters, in pieces of text."""

    title: tuple[Piece, ...]
    prompt: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """Part of a list. `next` is where the part after it begins, if there is more.

    `snippets` has one for each item where they were asked for and something was searched for.
    """

    items: tuple[LibraryItemView, ...]
    page: int
    per_page: int
    total: int
    next: Cursor | None
    snippets: tuple[Snippet, ...] = ()

    @property
    def has_more(self) -> bool:
        return self.next is not None


def snippets_of(items: Iterable[LibraryItemView], words: Sequence[str]) -> tuple[Snippet, ...]:
    """The items' texts with what was searched for marked: some milliseconds for each of the longest."""
    return tuple(Snippet(marked(item.title, words), snippet(item.prompt, words)) for item in items)


def item_view(row: Row) -> LibraryItemView:
    """The item of a row of `ITEM_COLUMNS`."""
    values = {name: row[name] for name in LibraryItemView.__dataclass_fields__}
    values["title"] = row["title"] or shown_title(row["prompt"])
    values["tags"] = tuple(json.loads(row["tags"]))
    for name in ("is_loopable", "is_public", "is_hidden"):
        values[name] = bool(row[name])
    return LibraryItemView(**values)


def shown_title(prompt: str) -> str:
    """The beginning of a prompt, cut between words where it has any."""
    if len(prompt) <= SHOWN_TITLE_CHARACTERS:
        return prompt
    cut = prompt[: SHOWN_TITLE_CHARACTERS - 1]
    return (cut.rsplit(" ", 1)[0] or cut).rstrip() + "…"
