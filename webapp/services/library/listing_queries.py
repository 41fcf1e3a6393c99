"""SQL of the library's lists and searches: filters, order, pages.

What everybody may see is in a table of its own, `library_listed`, with a full-text index of just that.
Other lists are short, or an admin's: they compare words one by one, with the same result.

Raw: these are the measured first pages of the library, their plans are tested, and the builder knows neither
`library_listed` (triggers fill it) nor full-text search nor materialized subqueries.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from webapp.database import Database, Dialect, Row
from webapp.policy.accounts.credentials import username_key
from webapp.policy.library.fields import LIBRARY_MODELS, Cursor, LibraryQuery, Sort
from webapp.policy.library.search import query_words
from webapp.services.library.queries import ITEM_COLUMNS, ITEM_JOINS, LISTED
from webapp.services.shared.tallies import listed_of

# From this many matches on, scanning in order and testing each row is faster than sorting the matches.
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
    """The sounds that a list is about: a condition that admits nothing the reader may not see."""

    condition: str
    arguments: tuple[object, ...] = ()


PUBLIC: Final = Scope(LISTED)
# For moderation: what only its owner ever saw is none of an admin's business.
EVER_PUBLIC: Final = Scope("(item.is_public OR item.moderated_ms IS NOT NULL)")
HIDDEN_BY_ADMIN: Final = Scope("item.is_hidden AND item.moderated_ms IS NOT NULL")
MODERATED: Final = Scope("item.moderated_ms IS NOT NULL")


def own(account_id: int) -> Scope:
    """Select everything that an account made."""
    return Scope("item.account = {}", (account_id,))


def favorites_of(account_id: int) -> Scope:
    """Select an account's favorites, without those that their owners unpublished since."""
    kept = "item.id IN (SELECT favorite.item FROM favorite WHERE favorite.account = {})"
    return Scope(f"{kept} AND (({LISTED}) OR item.account = {{}})", (account_id, account_id))


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the arguments of its parameters."""

    sql: str
    arguments: tuple[object, ...]

    async def run(self, database: Database) -> list[Row]:
        """Run it and return its rows."""
        return await database.fetch(self.sql, *self.arguments)


@dataclass(frozen=True, slots=True)
class Source:
    """The rows to read as `item`: a FROM clause, and conditions with their arguments."""

    tables: str
    conditions: tuple[Condition, ...] = ()
    table_arguments: tuple[object, ...] = ()

    @property
    def where(self) -> str:
        """The WHERE clause; empty without conditions."""
        conditions = " AND ".join(condition for condition, _ in self.conditions)
        return f" WHERE {conditions}" if conditions else ""

    @property
    def arguments(self) -> tuple[object, ...]:
        of_conditions = (argument for _, arguments in self.conditions for argument in arguments)
        return (*self.table_arguments, *of_conditions)


class Listing:
    """One list. A ranked search has two stages: matches in titles come before matches elsewhere."""

    def __init__(self, dialect: Dialect, scope: Scope, query: LibraryQuery) -> None:
        self._dialect: Dialect = dialect
        self._scope = scope
        self._sort: Sort = query.sort or "created"
        self._filters = tuple(_filters(query))
        self._models = () if query.model is None else (query.model,)
        self.words = query_words(query.search) if query.search else []
        # A search for what is no word finds nothing.
        self.is_empty = bool(query.search) and not self.words
        self.is_search = bool(self.words)
        self._parts: tuple[Part, ...] = ("title", "rest") if self.words and query.sort is None else ("all",)

    @property
    def stages(self) -> range:
        return range(len(self._parts))

    @property
    def tallies(self) -> tuple[str, ...]:
        """Name the tallies whose sum is `count` without a stage; none where it is not kept."""
        if not self._is_public or self.is_search or len(self._filters) > len(self._models):
            return ()
        return tuple(map(listed_of, self._models or LIBRARY_MODELS))

    def count(self, stage: int | None = None) -> Statement:
        """Count the rows of one stage or of all, as `total`."""
        source = self._source("all" if stage is None else self._parts[stage], is_count=True)
        return Statement(f"SELECT COUNT(*) AS total FROM {source.tables}{source.where}", source.arguments)

    def rows(
        self, stage: int, limit: int, offset: int, after: Cursor | None = None, *, are_many: bool = False
    ) -> Statement:
        """Select rows of one stage in order, as `ITEM_COLUMNS` and `sort_value`.

        `are_many`: the search matches `MANY` sounds or more. It decides how they are read, not which.
        """
        source = self._source(self._parts[stage], are_many=are_many)
        value = (_LISTED_VALUES if self._is_public else _ITEM_VALUES)[self._sort]
        order = f"{value} DESC" if value == _BY_DATE else f"{value} DESC, {_BY_DATE} DESC"
        position = () if after is None else (self._behind(value, after),)
        is_fenced = self._is_public and self.is_search and self._dialect == "postgres"
        if is_fenced and are_many:
            source = _in_order(source, position, order)
        else:
            source = replace(source, conditions=(*source.conditions, *position))
        matching = f"SELECT {_BY_DATE} AS found_id, {value} AS sort_value FROM {source.tables}{source.where}"
        if is_fenced and not are_many:
            # Otherwise the planner, which cannot know how rare a prefix is, scans the whole order.
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


def _in_order(source: Source, position: tuple[Condition, ...], order: str) -> Source:
    """Have PostgreSQL scan in order from a position on, and test if each row is one of the source.

    `OFFSET 0` keeps it from collecting and sorting all matches, which it takes for few.
    """
    listed = Source(source.tables, position)
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
        # A database cannot store what cannot be a name.
        key = username_key(query.owner).replace("\0", " ")[: _LONGEST_USERNAME + 1]
        yield "item.account = (SELECT id FROM account WHERE username_key = {})", (key,)


def _compared(dialect: Dialect, part: Part, words: list[str]) -> Iterator[Condition]:
    """Require words with these prefixes; words are stored with one space between them."""
    if not words:
        return
    position = "instr" if dialect == "sqlite" else "strpos"

    def has_all(column: str) -> str:
        return " AND ".join(f"{position}(' ' || item.{column}, {{}}) > 0" for _ in words)

    prefixes = tuple(f" {word}" for word in words)
    if part == "rest":
        yield f"{has_all('words')} AND NOT ({has_all('title_words')})", prefixes * 2
    else:
        yield has_all("title_words" if part == "title" else "words"), prefixes


def _full_text(
    part: Part,
    words: list[str],
    filters: tuple[Condition, ...],
    *,
    is_plain: bool,
    by_order: bool,
) -> Source:
    """Search with FTS5, which returns its matches from the newest row on.

    `is_plain`: nothing but the matches is needed. `by_order`: scan in another order, and look its rows up
    among the matches.
    """
    prefixes = " AND ".join(f'"{word}" *' for word in words)
    in_title, anywhere = f"{{title_words}} : ({prefixes})", f"{{words}} : ({prefixes})"
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
    """Search with tsvector. Words are quoted: they hold nothing but letters, digits and symbols."""
    prefixes = " & ".join(f"'{word}':*" for word in words)
    query = "CAST(CAST({} AS text) AS tsquery)"
    if part == "rest":
        return f"item.search @@ {query} AND NOT item.title_search @@ {query}", (prefixes, prefixes)
    return f"item.{'title_search' if part == 'title' else 'search'} @@ {query}", (prefixes,)
