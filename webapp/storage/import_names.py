"""Names of files in folders and zips as tools of all systems write them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from webapp.errors import InvalidRequest

Opener = Callable[[], IO[bytes]]
Parts = tuple[str, ...]

# What systems put beside people's files.
_JUNK: Final = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})
_JUNK_PREFIX: Final = "._"
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# Ours end so; whatever a tool made of the letters in front, it leaves these.
_PLAIN_END: Final = re.compile(r"[0-9a-f]{20}\.[0-9a-z]{1,5}\Z")
# Files that may be meant by one name, tried one after the other.
_MOST_MEANT: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, and how its name may be read: more than one way where its encoding is not told."""

    names: Sequence[str]
    open: Opener


class NameIndex:
    """Finds files by the names that a manifest gives them.

    Everything may lie in a folder of folders; case, the form of accents, the kind of slash and what an old
    tool made of letters beyond ASCII do not count. What leads out of the folder is no name at all.
    """

    def __init__(self, entries: Iterable[Entry], marker: str) -> None:
        """Names begin in the folder that has the file `marker`, the uppermost one.

        Raises InvalidRequest where several are as high up.
        """
        known = [(parts, entry.open) for entry in entries for parts in _readings(entry)]
        self._root = _root_of((parts for parts, _ in known), marker)
        self._exact: dict[Parts, list[Opener]] = {}
        self._alike: dict[Parts, list[Opener]] = {}
        self._ends: dict[str, list[Opener]] = {}
        # Of entries with one name the last is the one that counts.
        for parts, opener in reversed(known):
            self._exact.setdefault(parts, []).append(opener)
            self._alike.setdefault(_folded(parts), []).append(opener)
            if end := _PLAIN_END.search(parts[-1].lower()):
                self._ends.setdefault(end[0], []).append(opener)

    def find(self, name: str) -> Sequence[Opener]:
        """The files that may be meant, the likeliest first. Raises InvalidRequest where there is none."""
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
    """The ways to read an entry's name; none for what lies outside and for what is nobody's file."""
    readings = (_parts(name) for name in entry.names)
    return [parts for parts in dict.fromkeys(readings) if parts is not None and not _is_junk(parts)]


def _parts(name: str) -> Parts | None:
    """A name in parts, by either kind of slash; None where it leads elsewhere."""
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
    """The folder that the marker is in."""
    folders = {parts[:-1] for parts in names if parts[-1].lower() == marker}
    depth = min(map(len, folders), default=0)
    highest = sorted(folder for folder in folders if len(folder) == depth)
    if len({_folded(folder) for folder in highest}) > 1:
        shown = ", ".join("/".join(folder)[:60] for folder in highest[:3])
        raise InvalidRequest(f"There are several exports in it ({shown}); import one at a time")
    return highest[0] if highest else ()
