"""The allowed values of sounds' fields in the library, and of its lists."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from webapp.errors import InvalidRequest
from webapp.policy.generation import has_visible

Sort = Literal["created", "votes", "plays", "duration", "quality"]
LibraryModel = Literal["music", "audio", "magnet", "voice"]
LIBRARY_MODELS: Final[tuple[LibraryModel, ...]] = ("music", "audio", "magnet", "voice")
DEFAULT_PER_PAGE: Final = 20
MAX_PER_PAGE: Final = 100
MAX_PAGE: Final = 100_000
# Sounds that may be passed over without counting as a search.
FAR: Final = 5_000
MAX_TITLE_CHARACTERS: Final = 100
MAX_TAGS: Final = 10
MAX_TAG_CHARACTERS: Final = 30
# With repetitions, which are passed over.
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
    """The place behind one item of a list: its stage, what it was sorted by, and its row."""

    stage: int
    value: float
    row_id: int


@dataclass(frozen=True, slots=True)
class LibraryQuery:
    """The query of a list. `sort` None is by date or, when searched, what matches best and then by date.

    `has_snippets`: where a search found a sound is wanted too.
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
        """Return whether it takes more than a look at the beginning of an order that is kept anyway."""
        is_narrowed = self.search or self.owner or self.min_duration_s or self.max_duration_s
        return bool(is_narrowed) or (self.after is None and (self.page - 1) * self.per_page >= FAR)


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
    """Check what is to be changed; unknown fields are ignored. Raises InvalidRequest with the field."""
    change = SoundChange(
        title=_text(body, "title", MAX_TITLE_CHARACTERS),
        tags=_tags(body["tags"]) if "tags" in body else None,
        is_public=_boolean(body, "is_public"),
    )
    if change == SoundChange():
        raise InvalidRequest("Nothing to change: send title, tags or is_public")
    return change


def parse_vote(body: Mapping[str, Any]) -> int:
    """1, -1, or 0 to take a vote back. Raises InvalidRequest."""
    vote = body.get("vote")
    if isinstance(vote, bool) or not isinstance(vote, int) or vote not in (-1, 0, 1):
        raise InvalidRequest("Vote must be 1, -1 or 0", field="vote")
    return vote


def parse_playlist(body: Mapping[str, Any], *, is_new: bool) -> PlaylistChange:
    """Check a playlist's name and sharing; a new one needs a name. Raises InvalidRequest with the field."""
    name = _text(body, "name", MAX_PLAYLIST_NAME_CHARACTERS)
    if name == "" or (is_new and name is None):
        raise InvalidRequest("Name is required", field="name")
    change = PlaylistChange(name, _boolean(body, "is_shared"))
    if change == PlaylistChange():
        raise InvalidRequest("Nothing to change: send name or is_shared")
    return change


def parse_track(body: Mapping[str, Any]) -> str:
    """The sound to be added to a playlist. Raises InvalidRequest."""
    sound_id = body.get("id")
    if not isinstance(sound_id, str):
        raise InvalidRequest("Id must be the id of a sound", field="id")
    return sound_id


def parse_order(body: Mapping[str, Any]) -> list[str]:
    """The sounds of a playlist in their new order. Raises InvalidRequest."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not all(isinstance(sound_id, str) for sound_id in ids):
        raise InvalidRequest("Ids must be a list of ids of sounds", field="ids")
    return ids


def parse_note(body: Mapping[str, Any]) -> str | None:
    """Read what an admin notes about a sound; None where the body has no note. Raises InvalidRequest."""
    return _text(body, "note", MAX_NOTE_CHARACTERS)


def require_note(body: Mapping[str, Any]) -> str:
    """Read what an admin notes about a sound. Raises InvalidRequest, also where the body has no note."""
    note = parse_note(body)
    if note is None:
        raise InvalidRequest("Note is required", field="note")
    return note


def duration_bounds(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Validate the bounds of durations, in seconds. Raises InvalidRequest for bounds that make no sense."""
    for value, name in ((low, "min_duration"), (high, "max_duration")):
        if value is not None and not math.isfinite(value):
            raise InvalidRequest(f"{name} must be a number of seconds", field=name)
        if value is not None and value < 0:
            raise InvalidRequest(f"{name} must not be negative", field=name)
    if low is not None and high is not None and low > high:
        raise InvalidRequest("min_duration must not be above max_duration", field="min_duration")
    return low, high


def _text(body: Mapping[str, Any], name: str, longest: int) -> str | None:
    if name not in body:
        return None
    return _checked_text(body[name], name, name.capitalize(), longest)


def _checked_text(value: object, field: str, spoken: str, longest: int) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{spoken} must be text", field=field)
    # A name that nobody sees could not be clicked.
    text = value.strip() if has_visible(value) else ""
    if _REFUSED.search(value.strip()):
        raise InvalidRequest(f"{spoken} contains characters that are not allowed", field=field)
    if len(text) > longest:
        raise InvalidRequest(f"{spoken} is longer than {longest} characters", field=field)
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
