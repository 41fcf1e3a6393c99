"""The limits, formats and file names of exports."""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.errors import InvalidRequest
from webapp.policy.library.fields import LibraryQuery, is_generation_id
from webapp.policy.library.file_names import MAX_NAME_BYTES, readable_name

ExportFormat = Literal["wav", "flac", "ogg", "mp3", "png"]
ExportScope = Literal["public", "own", "favorites"]
EXPORT_FORMATS: Final[tuple[ExportFormat, ...]] = ("wav", "flac", "ogg", "mp3", "png")
MAX_EXPORTED: Final = 5_000
MAX_EXPORT_IDS: Final = 500
MANIFEST_NAME: Final = "manifest.json"
MANIFEST_FORMAT: Final = "soundloom-export"
MANIFEST_VERSION: Final = 1
LONGEST_EXTENSION_BYTES: Final = len(".flac")


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """The sounds to export: by id, of a playlist, or of a list, in this order of precedence."""

    formats: tuple[ExportFormat, ...]
    query: LibraryQuery
    ids: tuple[str, ...] = ()
    playlist_id: str | None = None
    scope: ExportScope = "own"


def export_formats(text: str | None) -> tuple[ExportFormat, ...]:
    """Parse a list such as `wav,flac`; the default is FLAC, lossless and small. Raises InvalidRequest."""
    names = [name.strip() for name in (text or "flac").split(",")]
    chosen = tuple(known for known in EXPORT_FORMATS if known in names)
    if not chosen or set(names) - set(chosen):
        known = ", ".join(EXPORT_FORMATS)
        raise InvalidRequest(f"Formats must be some of {known}", field="formats")
    return chosen


def export_ids(text: str | None) -> tuple[str, ...]:
    """Parse a list of ids such as `a,b,c`, without duplicates. Raises InvalidRequest."""
    ids = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    if len(ids) > MAX_EXPORT_IDS:
        raise InvalidRequest(f"At most {MAX_EXPORT_IDS} sounds can be named", field="ids")
    if not all(is_generation_id(sound_id) for sound_id in ids):
        raise InvalidRequest("Ids must be ids of sounds, with commas between them", field="ids")
    return ids


def file_stem(title: str, sound_id: str) -> str:
    """Return a file name without its extension: readable, safe on every system, and unique."""
    max_title_bytes = MAX_NAME_BYTES - LONGEST_EXTENSION_BYTES - len(sound_id) - 1
    readable = readable_name(title, max_title_bytes)
    return f"{readable} {sound_id}" if readable else sound_id
