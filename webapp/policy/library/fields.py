"""The allowed values of sounds' fields, and of queries for lists."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from webapp.errors import InvalidRequest
from webapp.policy.generation import has_visible

Sort = Literal["created", "votes", "plays", "duration", "quality"]
# As the API takes it: also by the names that other servers have for these orders.
SortName = Literal[Sort, "recent", "popular", "rating"]
SORT_OF_NAME: Final[dict[SortName, Sort]] = {
    "created": "created",
    "votes": "votes",
    "plays": "plays",
    "duration": "duration",
    "quality": "quality",
    "recent": "created",
    "popular": "plays",
    "rating": "votes",
}
LibraryModel = Literal["music", "audio", "magnet", "voice"]
LIBRARY_MODELS: Final[tuple[LibraryModel, ...]] = ("music", "audio", "magnet", "voice")
DEFAULT_PER_PAGE: Final = 20
MAX_PER_PAGE: Final = 100
MAX_PAGE: Final = 100_000
# Pages from this offset on count as searches.
COSTLY_OFFSET: Final = 5_000
MAX_TITLE_CHARACTERS: Final = 100
MAX_TAGS: Final = 10
MAX_TAG_CHARACTERS: Final = 30
# Including duplicates, which are removed.
MAX_TAGS_SENT: Final = 200
MAX_PLAYLIST_NAME_CHARACTERS: Final = 100
MAX_NOTE_CHARACTERS: Final = 500
MAX_PLAYLISTS: Final = 200
MAX_TRACKS: Final = 1_000
PLAY_WINDOW_S: Final = 60

_GENERATION_ID: Final = re.compile("[0-9a-f]{20}")
_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position after an item of a list: its stage, its sort value and its row."""

    stage: int
    value: float
    row_id: int


@dataclass(frozen=True, slots=True)
class LibraryQuery:
    """The query of a list. `sort` None is by date; with a search, by the quality of the match, then by date.

    `has_snippets`: matches are returned as snippets too.
    """

    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    model: LibraryModel | None = None
    search: str | None = None
    sort: Sort | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    owner: str | None = None
    after: Cursor | None = None
    has_snippets: bool = False

    @property
    def is_costly(self) -> bool:
        """Return whether it needs more than the beginning of an index."""
        is_narrowed = self.search or self.owner or self.min_duration_s or self.max_duration_s
        return bool(is_narrowed) or (self.after is None and (self.page - 1) * self.per_page >= COSTLY_OFFSET)


@dataclass(frozen=True, slots=True)
class SoundChange:
    """An owner's changes to a sound; None leaves a value as it is."""

    title: str | None = None
    tags: tuple[str, ...] | None = None
    is_public: bool | None = None


@dataclass(frozen=True, slots=True)
class PlaylistChange:
    """An owner's changes to a playlist; None leaves a value as it is."""

    name: str | None = None
    is_shared: bool | None = None


def is_generation_id(text: str) -> bool:
    """Return whether a sound, or a playlist, can have this id."""
    return _GENERATION_ID.fullmatch(text) is not None


def parse_change(body: Mapping[str, Any]) -> SoundChange:
    """Validate changes to a sound; unknown fields are ignored. Raises InvalidRequest with the field."""
    change = SoundChange(
        title=_text(body, "title", MAX_TITLE_CHARACTERS),
        tags=_tags(body["tags"]) if "tags" in body else None,
        is_public=_boolean(body, "is_public"),
    )
    if change == SoundChange():
        raise InvalidRequest("Nothing to change: send title, tags or is_public")
    return change


def parse_vote(body: Mapping[str, Any]) -> int:
    """Return a vote: 1, -1, or 0 to withdraw it. Raises InvalidRequest."""
    vote = body.get("vote")
    if isinstance(vote, bool) or not isinstance(vote, int) or vote not in (-1, 0, 1):
        raise InvalidRequest("Vote must be 1, -1 or 0", field="vote")
    return vote


def parse_playlist(body: Mapping[str, Any], *, is_new: bool) -> PlaylistChange:
    """Validate a playlist's name and sharing.

    A new one needs a name. Raises InvalidRequest with the field.
    """
    name = _text(body, "name", MAX_PLAYLIST_NAME_CHARACTERS)
    if name == "" or (is_new and name is None):
        raise InvalidRequest("Name is required", field="name")
    change = PlaylistChange(name, _boolean(body, "is_shared"))
    if change == PlaylistChange():
        raise InvalidRequest("Nothing to change: send name or is_shared")
    return change


def parse_track(body: Mapping[str, Any]) -> str:
    """Return the id of the sound to add to a playlist, `id` or `generation_id`. Raises InvalidRequest."""
    sound_id = body.get("id", body.get("generation_id"))
    if not isinstance(sound_id, str):
        raise InvalidRequest("Id must be the id of a sound", field="id")
    return sound_id


def parse_order(body: Mapping[str, Any]) -> list[str]:
    """Return the ids of a playlist's sounds in their new order: `ids`, or `track_order`.

    Raises InvalidRequest.
    """
    ids = body.get("ids", body.get("track_order"))
    if not isinstance(ids, list) or not all(isinstance(sound_id, str) for sound_id in ids):
        raise InvalidRequest("Ids must be a list of ids of sounds", field="ids")
    return ids


def parse_note(body: Mapping[str, Any]) -> str | None:
    """Return the moderation note; None if the body has none. Raises InvalidRequest."""
    return _text(body, "note", MAX_NOTE_CHARACTERS)


def require_note(body: Mapping[str, Any]) -> str:
    """Return the moderation note. Raises InvalidRequest, also if the body has none."""
    note = parse_note(body)
    if note is None:
        raise InvalidRequest("Note is required", field="note")
    return note


def duration_bounds(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Validate bounds of durations, in seconds. Raises InvalidRequest."""
    for value, name in ((low, "min_duration"), (high, "max_duration")):
        if value is not None and not math.isfinite(value):
            raise InvalidRequest(f"{name} must be a number of seconds", field=name)
        if value is not None and value < 0:
            raise InvalidRequest(f"{name} must not be negative", field=name)
    if low is not None and high is not None and low > high:
        raise InvalidRequest("min_duration must not be above max_duration", field="min_duration")
    return low, high


def _text(body: Mapping[str, Any], name: str, max_characters: int) -> str | None:
    if name not in body:
        return None
    return _checked_text(body[name], name, name.capitalize(), max_characters)


def _checked_text(value: object, field: str, label: str, max_characters: int) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{label} must be text", field=field)
    # An invisible name could not be clicked, so it counts as empty.
    text = value.strip() if has_visible(value) else ""
    if _REFUSED.search(value.strip()):
        raise InvalidRequest(f"{label} contains characters that are not allowed", field=field)
    if len(text) > max_characters:
        raise InvalidRequest(f"{label} is longer than {max_characters} characters", field=field)
    return text


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidRequest("Tags must be a list of words", field="tags")
    if len(value) > MAX_TAGS_SENT:
        raise InvalidRequest(f"There may be at most {MAX_TAGS} tags", field="tags")
    tags: dict[str, str] = {}
    for entry in value:
        tag = _checked_text(entry, "tags", "A tag", MAX_TAG_CHARACTERS)
        if not tag:
            raise InvalidRequest("A tag must not be empty", field="tags")
        tags.setdefault(tag.casefold(), tag)
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(f"There may be at most {MAX_TAGS} tags", field="tags")
    return tuple(tags.values())


def _boolean(body: Mapping[str, Any], name: str) -> bool | None:
    if name not in body:
        return None
    value = body[name]
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be true or false", field=name)
    return value
