"""Cards of sounds in lists, as the viewer sees them."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from webapp.pages.frame.form_address import form_address
from webapp.pages.library.contexts import SoundCard
from webapp.pages.library.waveform import waveform_bars
from webapp.policy.generation import MODELS
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices
from webapp.services.library.playlists import PlaylistView
from webapp.services.library.views import LibraryItemView

KEPT_OUTLINES: Final = 5_000


class SoundCards:
    """Cards of sounds. A drawing never changes, so it is made once and kept: 1 to 2 KB each."""

    def __init__(self, library: LibraryServices) -> None:
        self._library = library
        self._outlines: dict[str, str] = {}

    async def of(self, viewer: Identity | None, items: Iterable[LibraryItemView]) -> tuple[SoundCard, ...]:
        """Make the cards of these sounds, in their order."""
        shown = tuple(items)
        row_ids = [item.row_id for item in shown]
        favorites = await self._library.favorites.among(viewer, row_ids) if viewer else set()
        votes = await self._library.votes.of(viewer, row_ids) if viewer else {}
        outlines = await self._drawn([item.sound_id for item in shown])
        return tuple(
            SoundCard(
                item=item,
                outline=outlines.get(item.sound_id, ""),
                is_own=viewer is not None and viewer.account_id == item.account_id,
                is_favorite=item.row_id in favorites,
                vote=votes.get(item.row_id, 0),
                again=again_address(item),
                can_react=viewer is not None,
            )
            for item in shown
        )

    async def _drawn(self, sound_ids: list[str]) -> dict[str, str]:
        missing = [sound_id for sound_id in sound_ids if sound_id not in self._outlines]
        if len(self._outlines) + len(missing) > KEPT_OUTLINES:
            self._outlines.clear()
            missing = sound_ids
        for sound_id, peaks in (await self._library.details.peaks(missing)).items():
            self._outlines[sound_id] = waveform_bars(peaks)
        return {sound_id: self._outlines.get(sound_id, "") for sound_id in sound_ids}


async def own_playlists(library: LibraryServices, viewer: Identity | None) -> tuple[PlaylistView, ...]:
    """Read the viewer's playlists, the last changed first."""
    return tuple(await library.playlists.of_account(viewer)) if viewer else ()


def again_address(item: LibraryItemView) -> str:
    """Build the address of Generate with the sound's prompt and settings; speech has its own page."""
    if item.model not in MODELS:
        return f"/speech?{urlencode({'text': item.prompt})}"
    return form_address(item)
