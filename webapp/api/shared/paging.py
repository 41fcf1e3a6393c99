"""The one shape of lists: items, and which part of how many they are."""

from typing import Annotated, Final

from litestar.params import QueryParameter

PAGING: Final = ("page", "per_page")
# Lists that once were sent whole still are, as long as they are of usual length.
WHOLE: Final = 100

Page = Annotated[int, QueryParameter(ge=1, le=100_000, description="Counted from 1.")]
PerPage = Annotated[int, QueryParameter(ge=1, le=100, description="Entries on one page.")]


def offset(page: int, per_page: int) -> int:
    """Return the number of entries before a page."""
    return (page - 1) * per_page


def has_more(page: int, per_page: int, total: int) -> bool:
    """Return whether there are entries behind a page."""
    return page * per_page < total
