"""Evaluates a request's preconditions (RFC 9110, section 13)."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from litestar.datastructures import Headers

from webapp.errors import PreconditionFailed

OTHER_VERSION: Final = "The file is not the version that was asked for"

_TAG: Final = re.compile(r'(?P<weak>W/)?(?P<opaque>"[\x21\x23-\x7e\x80-\xff]*")')
# A date in any of its three forms is shorter.
_LONGEST_DATE: Final = 64


def is_unchanged(headers: Headers, *, etag: str, modified_s: float | None = None) -> bool:
    """Return whether the reader's copy is current; for GET and HEAD, in the order of section 13.2.2.

    `etag` is the strong validator of what is there, `modified_s` the time of its last change where that is
    told. Raises PreconditionFailed when the request is meant for another version.
    """
    wanted = _joined(headers, "if-match")
    if wanted is not None:
        is_met = _has_tag(wanted, etag, is_strong=True)
    else:
        until_s = _moment(headers, "if-unmodified-since")
        is_met = until_s is None or modified_s is None or int(modified_s) <= until_s
    if not is_met:
        raise PreconditionFailed(OTHER_VERSION)
    known = _joined(headers, "if-none-match")
    if known is not None:
        return _has_tag(known, etag, is_strong=False)
    since_s = _moment(headers, "if-modified-since")
    return since_s is not None and modified_s is not None and int(modified_s) <= since_s


def _joined(headers: Headers, name: str) -> str | None:
    """A list that may have come in several headers."""
    values = headers.getall(name, [])
    return ", ".join(values) if values else None


def _has_tag(tags: str, etag: str, *, is_strong: bool) -> bool:
    if tags.strip() == "*":
        return True
    return any(tag["opaque"] == etag and not (is_strong and tag["weak"]) for tag in _TAG.finditer(tags))


def _moment(headers: Headers, name: str) -> float | None:
    """Seconds since the epoch of an HTTP date; None for what is none, or more than one."""
    dates = headers.getall(name, [])
    if len(dates) != 1 or len(dates[0]) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(dates[0])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
