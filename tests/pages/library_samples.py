"""The library's contexts in each of their states, for the test of all templates."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.factories import FACTS
from webapp.clock import ManualClock
from webapp.pages.frame.chrome import Chrome
from webapp.pages.library.address import LibraryAddress
from webapp.pages.library.contexts import (
    ConfirmPage,
    EmbedPage,
    GoneFragment,
    LibraryPage,
    PlaylistPage,
    PlaylistsPage,
    ReactionsFragment,
    SoundCard,
    SoundMenuFragment,
    SoundPage,
)
from webapp.services.accounts.identity import Identity
from webapp.services.library.playlists import PlaylistView
from webapp.services.library.sounds import PromptReading, SoundView
from webapp.services.library.views import LibraryItemView
from webapp.services.sources.history import HistoryEntry, SoundHistory

NOW_MS = ManualClock().now_ms()
ADA = Identity(1, "ada", "creator", is_admin=False)
LONG = "سلام 🌧️ <b>&\"' " + "w" * 600
ITEM = LibraryItemView(
    row_id=1, sound_id="a" * 20, account_id=1, owner="ada", title=LONG[:100], prompt=LONG, model="music",
    duration_s=8.0, tags=("calm", "<b>&"), upvotes=3, downvotes=1, plays=1, downloads=0, quality_score=90,
    seed=7, engine="sketch", license="CC0", is_loopable=True, is_public=True, is_hidden=False,
    created_ms=NOW_MS,
)  # fmt: skip
CARD = SoundCard(
    ITEM, "M0 1h1v2h-1z", is_own=True, is_favorite=True, vote=1, again="/?prompt=x", can_react=True
)
CARDS = (
    CARD,
    replace(
        CARD,
        item=replace(ITEM, sound_id="b" * 20, is_public=False, tags=(), plays=0, model="voice"),
        is_favorite=False,
        vote=-1,
    ),
    replace(CARD, item=replace(ITEM, sound_id="c" * 20, is_hidden=True), is_own=False, can_react=False),
)
SOUND = SoundView(
    generation_id="a" * 20, **{name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__}
)
PLAYLISTS = (
    PlaylistView("d" * 20, "ada", LONG[:100], is_shared=True, track_count=3, created_ms=0, updated_ms=NOW_MS),
    PlaylistView("e" * 20, "ada", "Calm", is_shared=False, track_count=0, created_ms=0, updated_ms=0),
)


def samples() -> Iterator[Any]:
    yield from lists()
    for card in CARDS:
        yield ReactionsFragment(card)
        for playlists in (PLAYLISTS, ()):
            viewer = ADA if card.can_react else None
            yield SoundMenuFragment(card, playlists)
            yield SoundPage(Chrome("library", viewer, live="library"), card, SOUND, "http://x", "", playlists)
    for reading in (PromptReading(((LONG, "rain"),), (LONG,)), PromptReading((), ("qzx",), is_empty=True)):
        yield SoundPage(Chrome("library"), CARD, replace(SOUND, reading=reading), "http://x", "", ())
    silent = replace(SOUND, loudness_lufs=None, true_peak_dbtp=None, quality_reasons=("silence",), license="")
    entries = (HistoryEntry("c" * 20, LONG, 12.5), HistoryEntry(None, "", 30.0))
    history = SoundHistory(before=entries, after=entries[:1])
    yield SoundPage(Chrome("library"), CARD, SOUND, "http://x", "", (), history)
    page = SoundPage(Chrome("library", ADA), CARD, silent, "http://x", "Mine", PLAYLISTS)
    yield page
    yield replace(page, embed_size=(480, 180))
    yield EmbedPage(CARD.item, SOUND, "http://x")
    for field in ("title", "tags"):
        yield replace(page, error="Wrong", error_field=field, typed_title=LONG, typed_tags=LONG)
    yield ConfirmPage(
        Chrome("library", ADA), "Sure?", LONG, "Delete", "Keep it", "/x", (("a", LONG),), "/library"
    )


def lists() -> Iterator[Any]:
    for viewer in (ADA, None):
        chrome = Chrome("library", viewer, live="library")
        for address in (
            LibraryAddress(),
            LibraryAddress(layout="rows", page=2),
            LibraryAddress(q=LONG, owner="ada", sort="votes"),
        ):
            yield LibraryPage(chrome, address, CARDS, 60, 3)
            yield LibraryPage(chrome, address, (), 0, 1)
        yield LibraryPage(chrome, LibraryAddress(page=9), (), 60, 3)
    for view in ("mine", "favorites"):
        yield LibraryPage(Chrome("library", ADA), LibraryAddress(view=view), (), 0, 1)
    yield PlaylistsPage(Chrome("library", ADA), PLAYLISTS)
    yield PlaylistsPage(Chrome("library", ADA), (), "Name is required", "name", LONG)
    for is_own in (True, False):
        for playlist in PLAYLISTS:
            chrome = Chrome("library", ADA if is_own else None)
            yield PlaylistPage(chrome, playlist, CARDS, is_own, "http://x")
            yield PlaylistPage(chrome, playlist, (), is_own, "http://x", "Wrong", "name")
    yield GoneFragment("sound-view", "sound")
    yield GoneFragment("playlist-view", "playlist")
