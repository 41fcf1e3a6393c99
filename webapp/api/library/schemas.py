"""The bodies of the library's answers, and of what is sent to it."""

from itertools import repeat
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from webapp.api.shared.timestamps import Moment, timestamp
from webapp.http.middleware.prefix import public_path
from webapp.policy.library.fields import (
    MAX_PLAYLIST_NAME_CHARACTERS,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    MAX_TITLE_CHARACTERS,
)
from webapp.policy.library.snippets import Piece
from webapp.services.library.playlists import PlaylistView
from webapp.services.library.views import LibraryItemView, LibraryPage, Snippet

SoundIdText = Annotated[str, Meta(description="20 hex digits.", examples=["5f1d7a84db00d2fce00b"])]


class PieceBody(msgspec.Struct, frozen=True):
    """A part of a text. It is plain text: whoever shows it on a page escapes it."""

    text: str
    is_match: bool

    @classmethod
    def of(cls, piece: Piece) -> "PieceBody":
        return cls(piece.text, piece.is_match)


class SnippetBody(msgspec.Struct, frozen=True):
    """Where the search found the sound."""

    title: list[PieceBody]
    prompt: Annotated[list[PieceBody], Meta(description="The part around the first match.")]

    @classmethod
    def of(cls, snippet: Snippet) -> "SnippetBody":
        return cls(*([PieceBody.of(piece) for piece in pieces] for pieces in (snippet.title, snippet.prompt)))


class LibraryItemBody(msgspec.Struct, frozen=True):
    """A sound."""

    id: SoundIdText
    filename: Annotated[str, Meta(examples=["5f1d7a84db00d2fce00b.wav"])]
    title: Annotated[str, Meta(description="The owner's, or the prompt's beginning where there is none.")]
    prompt: str
    model: str
    duration: Annotated[float, Meta(description="In seconds.")]
    tags: list[str]
    upvotes: int
    downvotes: int
    plays: int
    downloads: int
    quality_score: Annotated[int, Meta(description="0 to 100.")]
    seed: int
    engine: str
    license: Annotated[str | None, Meta(description="Null where what made it sets no conditions.")]
    loopable: bool
    is_public: bool
    owner: str
    created_at: Moment
    created: Annotated[Moment, Meta(description="The same as `created_at`.")]
    audio_url: str
    spectrogram_url: str
    snippet: Annotated[SnippetBody, Meta(description="Only in what a search found.")] | UnsetType = UNSET

    @classmethod
    def of(cls, item: LibraryItemView, snippet: Snippet | None = None) -> "LibraryItemBody":
        return cls(
            id=item.sound_id,
            filename=f"{item.sound_id}.wav",
            title=item.title,
            prompt=item.prompt,
            model=item.model,
            duration=item.duration_s,
            tags=list(item.tags),
            upvotes=item.upvotes,
            downvotes=item.downvotes,
            plays=item.plays,
            downloads=item.downloads,
            quality_score=item.quality_score,
            seed=item.seed,
            engine=item.engine,
            license=item.license or None,
            loopable=item.is_loopable,
            is_public=item.is_public,
            owner=item.owner,
            created_at=timestamp(item.created_ms),
            created=timestamp(item.created_ms),
            audio_url=public_path(f"/audio/{item.sound_id}.wav"),
            spectrogram_url=public_path(f"/spectrogram/{item.sound_id}.png"),
            snippet=UNSET if snippet is None else SnippetBody.of(snippet),
        )


TotalExact: TypeAlias = Annotated[
    bool | UnsetType,
    Meta(description="False where more than 10,000 match and they were counted within the last minute."),
]


def total_exact_of(page: LibraryPage) -> bool | UnsetType:
    """Return what marks the total of a page; nothing where it is that of the moment."""
    return UNSET if page.is_total_exact else False


class LibraryPageBody(msgspec.Struct, frozen=True):
    """Part of a list of sounds."""

    items: list[LibraryItemBody]
    page: int
    per_page: int
    total: Annotated[int, Meta(description="Sounds in the whole list.")]
    has_more: bool
    total_exact: TotalExact = UNSET

    @classmethod
    def of(cls, page: LibraryPage) -> "LibraryPageBody":
        snippets = page.snippets or repeat(None)
        items = [
            LibraryItemBody.of(item, snippet) for item, snippet in zip(page.items, snippets, strict=False)
        ]
        return cls(items, page.page, page.per_page, page.total, page.has_more, total_exact_of(page))


class LibraryCounts(msgspec.Struct, frozen=True):
    """The number of public sounds, of each model."""

    music: int
    audio: int
    magnet: int
    voice: int
    total: int


class SoundChangeBody(msgspec.Struct, frozen=True):
    """The changes to a sound; at least one of these."""

    title: Annotated[str, Meta(max_length=MAX_TITLE_CHARACTERS)] | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET
    tags: (
        Annotated[
            list[Annotated[str, Meta(min_length=1, max_length=MAX_TAG_CHARACTERS)]],
            Meta(max_length=MAX_TAGS),
        ]
        | UnsetType
    ) = UNSET


class VoteBody(msgspec.Struct, frozen=True):
    """A vote; 0 takes it back."""

    vote: Literal[1, -1, 0]


class Voted(msgspec.Struct, frozen=True):
    """A sound's votes, and the own one."""

    upvotes: int
    downvotes: int
    user_vote: Annotated[int, Meta(description="1, -1, or 0 for none.")]
    success: Literal[True] = True


class Favorited(msgspec.Struct, frozen=True):
    """The sound's state as a favourite."""

    favorited: bool
    success: Literal[True] = True


class Played(msgspec.Struct, frozen=True):
    """The number of times the sound was played."""

    plays: int


class Downloaded(msgspec.Struct, frozen=True):
    """The number of times the sound was downloaded."""

    downloads: int


class PlaylistBody(msgspec.Struct, frozen=True):
    """A playlist."""

    id: Annotated[str, Meta(description="20 hex digits; whoever knows it opens a shared one.")]
    name: str
    owner: str
    is_shared: bool
    track_count: Annotated[int, Meta(description="Sounds in it that the reader may see.")]
    created_at: Moment
    created: Annotated[Moment, Meta(description="The same as `created_at`.")]
    updated_at: Moment


class PlaylistList(msgspec.Struct, frozen=True):
    """Part of the account's playlists, the last changed first."""

    items: list[PlaylistBody]
    playlists: Annotated[list[PlaylistBody], Meta(description="The same as `items`, under its older name.")]
    page: int
    per_page: int
    total: Annotated[int, Meta(description="Playlists in the whole list.")]
    has_more: bool


class FullPlaylist(PlaylistBody, frozen=True):
    """A playlist with its sounds, in order."""

    tracks: list[LibraryItemBody]


class PlaylistSent(msgspec.Struct, frozen=True):
    """A playlist's name, and whether it is shared by link."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_PLAYLIST_NAME_CHARACTERS)]
    is_shared: bool = False


class PlaylistChangeBody(msgspec.Struct, frozen=True):
    """The changes to a playlist; at least one of these."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_PLAYLIST_NAME_CHARACTERS)] | UnsetType = UNSET
    is_shared: bool | UnsetType = UNSET


class TrackBody(msgspec.Struct, frozen=True):
    """A sound to be added to a playlist."""

    id: Annotated[SoundIdText, Meta(description="The sound; `generation_id` is the same.")]


class OrderBody(msgspec.Struct, frozen=True):
    """Every sound of the playlist, each once, in its new order."""

    ids: Annotated[list[str], Meta(description="`track_order` is the same.")]


def playlist_body(playlist: PlaylistView) -> PlaylistBody:
    return PlaylistBody(
        id=playlist.playlist_id,
        name=playlist.name,
        owner=playlist.owner,
        is_shared=playlist.is_shared,
        track_count=playlist.track_count,
        created_at=timestamp(playlist.created_ms),
        created=timestamp(playlist.created_ms),
        updated_at=timestamp(playlist.updated_ms),
    )


def full_playlist(playlist: PlaylistView, tracks: list[LibraryItemView]) -> FullPlaylist:
    body = msgspec.structs.asdict(playlist_body(playlist))
    return FullPlaylist(**body, tracks=[LibraryItemBody.of(item) for item in tracks])
