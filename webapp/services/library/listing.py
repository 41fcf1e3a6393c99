"""A list of the library as SQL: what belongs to it, in which order, from where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from webapp.database import Dialect
from webapp.policy.credentials import username_key
from webapp.policy.library import Cursor, LibraryQuery, Sort
from webapp.policy.search import query_words
from webapp.services.library.views import ITEM_COLUMNS, ITEM_JOINS, LISTED

SORT_VALUES: Final[dict[Sort, str]] = {
    "created": "item.id",
    "votes": "(item.upvotes - item.downvotes)",
    "plays": "item.plays",
    "duration": "item.duration_s",
    "quality": "item.quality_score",
}
_LONGEST_USERNAME: Final = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose list it is: a condition that lets in nothing that the reader may not see."""

    condition: str
    arguments: tuple[object, ...] = ()


PUBLIC: Final = Scope(LISTED)


def own(account_id: int) -> Scope:
    """Everything that an account made."""
    return Scope("item.account = {}", (account_id,))


def favorites_of(account_id: int) -> Scope:
    """What an account keeps, less what its owners took back since."""
    kept = "item.id IN (SELECT favorite.item FROM favorite WHERE favorite.account = {})"
    return Scope(f"{kept} AND (({LISTED}) OR item.account = {{}})", (account_id, account_id))


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A part of a list that stands before the next one, whatever the order within."""

    source: str
    condition: str
    arguments: tuple[object, ...]


class Listing:
    """One list. It has stages: what matches a search in its title stands before what does elsewhere."""

    def __init__(self, dialect: Dialect, scope: Scope, query: LibraryQuery) -> None:
        self._sort = query.sort or "created"
        self._conditions = [scope.condition, *(condition for condition, _ in _filters(query))]
        self._filter_arguments = (*scope.arguments, *(argument for _, argument in _filters(query)))
        words = query_words(query.search) if query.search else []
        # A search for what is no word finds nothing.
        self.is_empty = bool(query.search) and not words
        search = _SEARCHES[dialect]
        self._all = search("all", words)
        ranked = bool(words) and query.sort is None
        self._stages = [search("title", words), search("rest", words)] if ranked else [self._all]

    @property
    def stages(self) -> range:
        return range(len(self._stages))

    def count(self, stage: int | None = None) -> Statement:
        """How many there are, as `total`: in one stage or in all."""
        part = self._all if stage is None else self._stages[stage]
        return Statement(
            f"SELECT COUNT(*) AS total FROM {part.source} WHERE {self._where(part)}",
            (*part.arguments, *self._filter_arguments),
        )

    def rows(self, stage: int, limit: int, offset: int, after: Cursor | None = None) -> Statement:
        """Rows of one stage in order, as `ITEM_COLUMNS` and `sort_value`."""
        part = self._stages[stage]
        value = SORT_VALUES[self._sort]
        where, arguments = self._where(part), (*part.arguments, *self._filter_arguments)
        # By date the row's own number is the order, and the order in which searches are answered.
        order = "item.id DESC" if self._sort == "created" else f"{value} DESC, item.id DESC"
        if after is not None and self._sort == "created":
            where, arguments = f"{where} AND item.id < {{}}", (*arguments, after.row_id)
        elif after is not None:
            where = f"{where} AND ({value}, item.id) < ({{}}, {{}})"
            arguments = (*arguments, _comparable(self._sort, after.value), after.row_id)
        return Statement(
            f"SELECT {ITEM_COLUMNS}, found.sort_value FROM"
            f" (SELECT item.id AS found_id, {value} AS sort_value FROM {part.source} WHERE {where}"
            f" ORDER BY {order} LIMIT {{}} OFFSET {{}}) AS found"
            f" JOIN library_item AS item ON item.id = found.found_id{ITEM_JOINS}"
            " ORDER BY found.sort_value DESC, found.found_id DESC",
            (*arguments, limit, offset),
        )

    def _where(self, part: _Stage) -> str:
        return " AND ".join(filter(None, (part.condition, *self._conditions)))


def _comparable(sort: Sort, value: float) -> float:
    """The value as the database compares it: whole, but for durations."""
    return float(value) if sort == "duration" else int(value)


def _filters(query: LibraryQuery) -> Iterator[tuple[str, object]]:
    if query.model is not None:
        yield "item.model = {}", query.model
    if query.min_duration_s is not None:
        yield "item.duration_s >= {}", query.min_duration_s
    if query.max_duration_s is not None:
        yield "item.duration_s <= {}", query.max_duration_s
    if query.owner is not None:
        # What can be no name is no text to a database either.
        key = username_key(query.owner).replace("\0", " ")[: _LONGEST_USERNAME + 1]
        yield "item.account = (SELECT id FROM account WHERE username_key = {})", key


def _sqlite_search(part: str, words: list[str]) -> _Stage:
    """FTS5, which walks its matches from the newest row on."""
    if not words:
        return _Stage("library_item AS item", "", ())
    beginnings = " AND ".join(f'"{word}" *' for word in words)
    in_title, anywhere = f"{{title_words}} : ({beginnings})", f"{{words}} : ({beginnings})"
    match = {"title": in_title, "all": anywhere, "rest": f"({anywhere}) NOT ({in_title})"}[part]
    source = "library_search CROSS JOIN library_item AS item ON item.id = library_search.rowid"
    return _Stage(source, "library_search MATCH {}", (match,))


def _postgres_search(part: str, words: list[str]) -> _Stage:
    """tsvector; the query is quoted, since words hold nothing but letters, digits and symbols."""
    if not words:
        return _Stage("library_item AS item", "", ())
    beginnings = " & ".join(f"'{word}':*" for word in words)
    query = "CAST(CAST({} AS text) AS tsquery)"
    if part == "rest":
        condition = f"item.search @@ {query} AND NOT item.title_search @@ {query}"
        return _Stage("library_item AS item", condition, (beginnings, beginnings))
    column = "title_search" if part == "title" else "search"
    return _Stage("library_item AS item", f"item.{column} @@ {query}", (beginnings,))


_SEARCHES: Final = {"sqlite": _sqlite_search, "postgres": _postgres_search}
