"""A list of the library as SQL: what belongs to it, in which order, from where.

What everybody may see stands in a table of its own, `library_listed`, with the full text of just that.
Other lists are short, or an admin's: their words are compared one by one, with the same result.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from webapp.database import Dialect
from webapp.policy.credentials import username_key
from webapp.policy.library import Cursor, LibraryQuery, Sort
from webapp.policy.search import query_words
from webapp.services.library.views import ITEM_COLUMNS, ITEM_JOINS, LISTED

# From so many matches on, going through an order and looking whether each is a match is the shorter way.
MANY: Final = 20_000
_LONGEST_USERNAME: Final = 64
_BY_DATE: Final = "item.id"
_LISTED_VALUES: Final[dict[Sort, str]] = {
    "created": _BY_DATE,
    "votes": "item.votes",
    "plays": "item.plays",
    "duration": "item.duration_s",
    "quality": "item.quality_score",
}
_ITEM_VALUES: Final = _LISTED_VALUES | {"votes": "(item.upvotes - item.downvotes)"}

# A part of a WHERE clause with its arguments.
Condition = tuple[str, tuple[object, ...]]
# Where a search looks: `title` and `rest` are the two stages of a ranked one, `all` is both.
Part = Literal["all", "title", "rest"]


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
class Source:
    """Rows to go through as `item`: a FROM clause, and conditions with their arguments."""

    tables: str
    conditions: tuple[Condition, ...] = ()
    table_arguments: tuple[object, ...] = ()

    @property
    def where(self) -> str:
        """The whole WHERE clause, empty where there is none."""
        conditions = " AND ".join(condition for condition, _ in self.conditions)
        return f" WHERE {conditions}" if conditions else ""

    @property
    def arguments(self) -> tuple[object, ...]:
        of_conditions = (argument for _, arguments in self.conditions for argument in arguments)
        return (*self.table_arguments, *of_conditions)


class Listing:
    """One list. It has stages: what matches a search in its title stands before what does elsewhere."""

    def __init__(self, dialect: Dialect, scope: Scope, query: LibraryQuery) -> None:
        self._dialect: Dialect = dialect
        self._scope = scope
        self._sort: Sort = query.sort or "created"
        self._filters = tuple(_filters(query))
        self.words = query_words(query.search) if query.search else []
        # A search for what is no word finds nothing.
        self.is_empty = bool(query.search) and not self.words
        self.is_search = bool(self.words)
        self._parts: tuple[Part, ...] = ("title", "rest") if self.words and query.sort is None else ("all",)

    @property
    def stages(self) -> range:
        return range(len(self._parts))

    def count(self, stage: int | None = None) -> Statement:
        """How many there are, as `total`: in one stage or in all."""
        source = self._source("all" if stage is None else self._parts[stage], is_count=True)
        return Statement(f"SELECT COUNT(*) AS total FROM {source.tables}{source.where}", source.arguments)

    def rows(
        self, stage: int, limit: int, offset: int, after: Cursor | None = None, *, are_many: bool = False
    ) -> Statement:
        """Rows of one stage in order, as `ITEM_COLUMNS` and `sort_value`.

        `are_many` says that a search matches `MANY` sounds or more; it decides how they are read, not which.
        """
        source = self._source(self._parts[stage], are_many=are_many)
        value = (_LISTED_VALUES if self._is_public else _ITEM_VALUES)[self._sort]
        order = f"{value} DESC" if value == _BY_DATE else f"{value} DESC, {_BY_DATE} DESC"
        place = () if after is None else (self._behind(value, after),)
        is_fenced = self._is_public and self.is_search and self._dialect == "postgres"
        if is_fenced and are_many:
            source = _in_order(source, place, order)
        else:
            source = replace(source, conditions=(*source.conditions, *place))
        matching = f"SELECT {_BY_DATE} AS found_id, {value} AS sort_value FROM {source.tables}{source.where}"
        if is_fenced and not are_many:
            # Without the fence the planner, which cannot know how rare a beginning is, goes through an order.
            matching = f"WITH matching AS MATERIALIZED ({matching}) SELECT found_id, sort_value FROM matching"
            order = "sort_value DESC, found_id DESC"
        return Statement(
            f"SELECT {ITEM_COLUMNS}, found.sort_value FROM"
            f" ({matching} ORDER BY {order} LIMIT {{}} OFFSET {{}}) AS found"
            f" JOIN library_item AS item ON item.id = found.found_id{ITEM_JOINS}"
            " ORDER BY found.sort_value DESC, found.found_id DESC",
            (*source.arguments, limit, offset),
        )

    @property
    def _is_public(self) -> bool:
        return self._scope == PUBLIC

    def _behind(self, value: str, after: Cursor) -> Condition:
        if value == _BY_DATE:
            return f"{_BY_DATE} < {{}}", (after.row_id,)
        # Compared as the database has it: whole, but for durations.
        comparable = after.value if self._sort == "duration" else int(after.value)
        return f"({value}, {_BY_DATE}) < ({{}}, {{}})", (comparable, after.row_id)

    def _source(self, part: Part, *, is_count: bool = False, are_many: bool = False) -> Source:
        if not self._is_public:
            words = _compared(self._dialect, part, self.words)
            scoped = ((self._scope.condition, self._scope.arguments), *self._filters, *words)
            return Source("library_item AS item", scoped)
        if not self.is_search:
            return Source("library_listed AS item", self._filters)
        if self._dialect == "postgres":
            return Source("library_listed AS item", (_tsquery(part, self.words), *self._filters))
        is_plain = not self._filters and (is_count or self._sort == "created")
        by_order = are_many and not is_count and self._sort != "created"
        return _full_text(part, self.words, self._filters, is_plain=is_plain, by_order=by_order)


def _in_order(source: Source, place: tuple[Condition, ...], order: str) -> Source:
    """PostgreSQL goes through an order behind a place, and looks whether each row is one of the source.

    The fence keeps it from collecting and sorting all matches, which it takes for few.
    """
    listed = Source(source.tables, place)
    ordered = f"(SELECT * FROM {listed.tables}{listed.where} ORDER BY {order} OFFSET 0) AS item"
    return replace(source, tables=ordered, table_arguments=listed.arguments)


def _filters(query: LibraryQuery) -> Iterator[Condition]:
    if query.model is not None:
        yield "item.model = {}", (query.model,)
    if query.min_duration_s is not None:
        yield "item.duration_s >= {}", (query.min_duration_s,)
    if query.max_duration_s is not None:
        yield "item.duration_s <= {}", (query.max_duration_s,)
    if query.owner is not None:
        # What can be no name is no text to a database either.
        key = username_key(query.owner).replace("\0", " ")[: _LONGEST_USERNAME + 1]
        yield "item.account = (SELECT id FROM account WHERE username_key = {})", (key,)


def _compared(dialect: Dialect, part: Part, words: list[str]) -> Iterator[Condition]:
    """That texts have words with these beginnings; they are stored with a space between them."""
    if not words:
        return
    position = "instr" if dialect == "sqlite" else "strpos"

    def has_all(column: str) -> str:
        return " AND ".join(f"{position}(' ' || item.{column}, {{}}) > 0" for _ in words)

    beginnings = tuple(f" {word}" for word in words)
    if part == "rest":
        yield f"{has_all('words')} AND NOT ({has_all('title_words')})", beginnings * 2
    else:
        yield has_all("title_words" if part == "title" else "words"), beginnings


def _full_text(
    part: Part,
    words: list[str],
    filters: tuple[Condition, ...],
    *,
    is_plain: bool,
    by_order: bool,
) -> Source:
    """FTS5, which walks its matches from the newest row on.

    `is_plain`: nothing but the matches is needed. `by_order`: another order is gone through, and its rows
    are looked up among the matches.
    """
    beginnings = " AND ".join(f'"{word}" *' for word in words)
    in_title, anywhere = f"{{title_words}} : ({beginnings})", f"{{words}} : ({beginnings})"
    match = {"title": in_title, "all": anywhere, "rest": f"({anywhere}) NOT ({in_title})"}[part]
    if is_plain:
        matches = "(SELECT rowid AS id FROM library_search WHERE library_search MATCH {}) AS item"
        return Source(matches, table_arguments=(match,))
    if by_order:
        looked_up = "+item.id IN (SELECT rowid FROM library_search WHERE library_search MATCH {})"
        return Source("library_listed AS item", (*filters, (looked_up, (match,))))
    tables = "library_search CROSS JOIN library_listed AS item ON item.id = library_search.rowid"
    return Source(tables, (("library_search MATCH {}", (match,)), *filters))


def _tsquery(part: Part, words: list[str]) -> Condition:
    """tsvector; the query is quoted, since words hold nothing but letters, digits and symbols."""
    beginnings = " & ".join(f"'{word}':*" for word in words)
    query = "CAST(CAST({} AS text) AS tsquery)"
    if part == "rest":
        return f"item.search @@ {query} AND NOT item.title_search @@ {query}", (beginnings, beginnings)
    return f"item.{'title_search' if part == 'title' else 'search'} @@ {query}", (beginnings,)
