"""Contexts of the templates about sounds: one dataclass for each template."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.texts import Texts
from webapp.pages.library.address import LENGTH_NAMES, SORTS, LibraryAddress
from webapp.policy.library.fields import (
    LIBRARY_MODELS,
    MAX_PLAYLIST_NAME_CHARACTERS,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    MAX_TITLE_CHARACTERS,
)
from webapp.services.library.playlists import PlaylistView
from webapp.services.library.sounds import SoundView
from webapp.services.library.views import LibraryItemView
from webapp.services.sources.history import SoundHistory


@dataclass(frozen=True, slots=True)
class SoundCard:
    """A sound in a list as one viewer sees it. `outline` is a drawing, `vote` 1, -1 or 0.

    `again` is where Generate opens with the sound's prompt and settings. `can_react` says whether somebody
    is there who may vote and keep.
    """

    item: LibraryItemView
    outline: str
    is_own: bool
    is_favorite: bool
    vote: int
    again: str
    can_react: bool


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """A list of sounds and its filters."""

    template: ClassVar[str] = "library/library.html"

    chrome: Chrome
    address: LibraryAddress
    cards: tuple[SoundCard, ...]
    total: int
    pages: int
    playlists: tuple[PlaylistView, ...] = ()
    models: tuple[str, ...] = LIBRARY_MODELS
    sorts: tuple[tuple[str, str], ...] = field(default_factory=lambda: tuple(Texts(SORTS).items()))
    lengths: tuple[tuple[str, str], ...] = field(default_factory=lambda: tuple(Texts(LENGTH_NAMES).items()))


@dataclass(frozen=True, slots=True)
class ReactionsFragment:
    """Votes and the favourite's heart of one sound."""

    template: ClassVar[str] = "library/reactions.html"

    card: SoundCard


@dataclass(frozen=True, slots=True)
class SoundMenuFragment:
    """The menu of a sound, fetched when it is opened."""

    template: ClassVar[str] = "library/sound_menu.html"

    card: SoundCard
    playlists: tuple[PlaylistView, ...]


@dataclass(frozen=True, slots=True)
class SoundPage:
    """One sound. `base_url` is what addresses for other sites begin with.

    `embed_size` is that of its player on other sites, at `embed_url`, which `embed_code` shows; None where it
    cannot be embedded.
    `own_title` is what its owner called it, empty where the title shown is the prompt's beginning.
    """

    template: ClassVar[str] = "library/sound.html"

    chrome: Chrome
    card: SoundCard
    sound: SoundView
    base_url: str
    own_title: str
    playlists: tuple[PlaylistView, ...]
    history: SoundHistory = field(default_factory=SoundHistory)
    error: str | None = None
    embed_size: tuple[int, int] | None = None
    embed_code: str = ""
    embed_url: str = ""
    error_field: str | None = None
    typed_title: str | None = None
    typed_tags: str | None = None
    max_title: int = MAX_TITLE_CHARACTERS
    max_tags: int = MAX_TAGS
    max_tag: int = MAX_TAG_CHARACTERS


@dataclass(frozen=True, slots=True)
class GoneFragment:
    """Replaces element `element_id` once its content is gone for this viewer."""

    template: ClassVar[str] = "frame/gone.html"

    element_id: str
    what: Literal["sound", "playlist"]


@dataclass(frozen=True, slots=True)
class PlaylistsPage:
    """An account's playlists."""

    template: ClassVar[str] = "library/playlists.html"

    chrome: Chrome
    playlists: tuple[PlaylistView, ...]
    error: str | None = None
    error_field: str | None = None
    typed_name: str = ""
    max_name: int = MAX_PLAYLIST_NAME_CHARACTERS


@dataclass(frozen=True, slots=True)
class PlaylistPage:
    """One playlist and what the viewer may see in it, in order."""

    template: ClassVar[str] = "library/playlist.html"

    chrome: Chrome
    playlist: PlaylistView
    cards: tuple[SoundCard, ...]
    is_own: bool
    base_url: str
    error: str | None = None
    error_field: str | None = None
    max_name: int = MAX_PLAYLIST_NAME_CHARACTERS


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """Asks before what cannot be taken back, where no script could ask.

    `verb` names what is done, `opposite` what is not. `fields` are sent again with the answer, to `action`;
    `back` is where one goes instead.
    """

    template: ClassVar[str] = "frame/confirm.html"

    chrome: Chrome
    question: str
    text: str
    verb: str
    opposite: str
    action: str
    fields: tuple[tuple[str, str], ...]
    back: str


@dataclass(frozen=True, slots=True)
class EmbedPage:
    """A small player for a frame on another site."""

    template: ClassVar[str] = "library/embed.html"

    item: LibraryItemView
    sound: SoundView
    base_url: str
