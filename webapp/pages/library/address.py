"""The filters of a library list in its address; values that make no sense are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode

from webapp.pages.frame.texts import N_
from webapp.policy.library.fields import LIBRARY_MODELS, MAX_PAGE, LibraryModel, LibraryQuery, Sort

View = Literal["all", "mine", "favorites"]
Layout = Literal["cards", "rows"]
Length = Literal["short", "medium", "long"]
PER_PAGE: Final = 24
MAX_QUERY_CHARACTERS: Final = 200
SORTS: Final[dict[str, str]] = {
    "": N_("Newest first"),
    "votes": N_("Most liked"),
    "plays": N_("Most played"),
    "duration": N_("Longest"),
    "quality": N_("Best quality"),
}
# Seconds: from, and up to.
LENGTHS: Final[dict[str, tuple[float | None, float | None]]] = {
    "short": (None, 10.0),
    "medium": (10.0, 30.0),
    "long": (30.0, None),
}
LENGTH_NAMES: Final[dict[str, str]] = {
    "": N_("Any length"),
    "short": N_("Up to 10 s"),
    "medium": N_("10 to 30 s"),
    "long": N_("30 s and longer"),
}


@dataclass(frozen=True, slots=True)
class LibraryAddress:
    """Filters, order and layout of a list. The address leaves out default values."""

    view: View = "all"
    q: str = ""
    model: str = ""
    sort: str = ""
    length: str = ""
    owner: str = ""
    layout: Layout = "cards"
    page: int = 1

    def url(self, **changes: Any) -> str:
        """Build the address with these values changed; another list begins at its first page."""
        changed = replace(self, **({"page": 1} | changes))
        usual = LibraryAddress()
        said = {
            name: getattr(changed, name)
            for name in self.__dataclass_fields__
            if getattr(changed, name) != getattr(usual, name)
        }
        return f"/library?{urlencode(said)}" if said else "/library"

    @property
    def feed_query(self) -> str:
        """Return the query of the feed with the same filters, as far as feeds have them."""
        said = {name: getattr(self, name) for name in ("q", "model", "owner") if getattr(self, name)}
        return f"?{urlencode(said)}" if said else ""

    @property
    def is_narrowed(self) -> bool:
        """True if filters hide part of the view."""
        return bool(self.q or self.model or self.length or self.owner)

    @property
    def query(self) -> LibraryQuery:
        """Translate the address into a query of the library."""
        low, high = LENGTHS.get(self.length, (None, None))
        return LibraryQuery(
            page=self.page,
            per_page=PER_PAGE,
            model=cast("LibraryModel | None", self.model or None),
            search=self.q or None,
            sort=cast("Sort | None", self.sort or None),
            min_duration_s=low,
            max_duration_s=high,
            owner=self.owner or None,
        )


def read_address(given: Mapping[str, str]) -> LibraryAddress:
    """Parse an address; values that make no sense are ignored."""

    def one_of(name: str, known: object) -> str:
        value = given.get(name, "")
        return value if value in cast("tuple[str, ...]", known) else ""

    return LibraryAddress(
        view=cast("View", one_of("view", ("mine", "favorites")) or "all"),
        q=given.get("q", "").strip()[:MAX_QUERY_CHARACTERS],
        model=one_of("model", LIBRARY_MODELS),
        sort=one_of("sort", tuple(SORTS)),
        length=one_of("length", tuple(LENGTHS)),
        owner=given.get("owner", "").strip()[:64],
        layout=cast("Layout", one_of("layout", ("rows",)) or "cards"),
        page=_page(given.get("page", "")),
    )


def _page(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= 6
    return min(max(int(text), 1), MAX_PAGE) if is_number else 1
