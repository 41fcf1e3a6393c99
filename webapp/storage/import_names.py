"""Finds files in folders and zips by name, however tools on various systems have encoded it."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from webapp.errors import InvalidRequest

Opener = Callable[[], IO[bytes]]
Parts = tuple[str, ...]

# Files that operating systems create.
_JUNK: Final = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})
_JUNK_PREFIX: Final = "._"
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# The end of our own file names: plain ASCII, which no tool changes.
_PLAIN_END: Final = re.compile(r"[0-9a-f]{20}\.[0-9a-z]{1,5}\Z")
# The most files to try for one ambiguous name.
_MOST_MEANT: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, and the possible readings of its name: several if its encoding is not declared."""

    names: Sequence[str]
    open: Opener


class NameIndex:
    """Finds files by the names that a manifest gives them.

    The export may be in a nested folder. Differences in case, Unicode normalisation, slashes and the encoding
    of non-ASCII letters are ignored. Names that lead out of the folder are refused.
    """

    def __init__(self, entries: Iterable[Entry], marker: str) -> None:
        """Names are relative to the uppermost folder that has the file `marker`.

        Raises InvalidRequest if there are several at the same depth.
        """
        known = [(parts, entry.open) for entry in entries for parts in _readings(entry)]
        self._root = _root_of((parts for parts, _ in known), marker)
        self._exact: dict[Parts, list[Opener]] = {}
        self._alike: dict[Parts, list[Opener]] = {}
        self._ends: dict[str, list[Opener]] = {}
        # Of entries with the same name, the last one counts.
        for parts, opener in reversed(known):
            self._exact.setdefault(parts, []).append(opener)
            self._alike.setdefault(_folded(parts), []).append(opener)
            if end := _PLAIN_END.search(parts[-1].lower()):
                self._ends.setdefault(end[0], []).append(opener)

    def find(self, name: str) -> Sequence[Opener]:
        """Return the files that the name may refer to, the likeliest first.

        Raises InvalidRequest if there is none.
        """
        parts = _parts(name)
        if parts is None:
            raise InvalidRequest(f"{name[:100]!r} is not a file of the folder")
        whole = (*self._root, *parts)
        end = _PLAIN_END.search(parts[-1].lower())
        found = dict.fromkeys(
            [
                *self._exact.get(whole, ()),
                *self._alike.get(_folded(whole), ()),
                *(self._ends.get(end[0], ()) if end else ()),
            ]
        )
        if not found:
            raise InvalidRequest(f"{name[:100]!r} is missing or cannot be read")
        return list(found)[:_MOST_MEANT]


def _readings(entry: Entry) -> list[Parts]:
    """Return the readings of an entry's name; none for names that lead outside and for junk files."""
    readings = (_parts(name) for name in entry.names)
    return [parts for parts in dict.fromkeys(readings) if parts is not None and not _is_junk(parts)]


def _parts(name: str) -> Parts | None:
    """Split a name at slashes of either kind; None if it leads elsewhere."""
    plain = name.replace("\\", "/")
    if "\0" in plain or plain.startswith("/") or _DRIVE.match(plain):
        return None
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    return None if ".." in parts or not parts else parts


def _is_junk(parts: Parts) -> bool:
    return any(part.lower() in _JUNK or part.startswith(_JUNK_PREFIX) for part in parts)


def _folded(parts: Parts) -> Parts:
    return tuple(
        unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold()) for part in parts
    )


def _root_of(names: Iterable[Parts], marker: str) -> Parts:
    """Return the uppermost folder that has the marker."""
    folders = {parts[:-1] for parts in names if parts[-1].lower() == marker}
    depth = min(map(len, folders), default=0)
    highest = sorted(folder for folder in folders if len(folder) == depth)
    if len({_folded(folder) for folder in highest}) > 1:
        shown = ", ".join("/".join(folder)[:60] for folder in highest[:3])
        raise InvalidRequest(f"There are several exports in it ({shown}); import one at a time")
    return highest[0] if highest else ()
