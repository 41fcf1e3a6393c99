"""The texts that an account had spoken."""

from typing import Final

from webapp.pages.library.contexts import SoundCard
from webapp.pages.library.sound_cards import SoundCards
from webapp.policy.library.fields import LibraryQuery
from webapp.policy.speech import VOICE_MODEL
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices

SHOWN: Final = 10


async def spoken_cards(
    library: LibraryServices, sound_cards: SoundCards, viewer: Identity | None
) -> tuple[SoundCard, ...]:
    """Return the cards of the newest spoken texts; none for strangers."""
    if viewer is None:
        return ()
    found = await library.browse.own(viewer, LibraryQuery(model=VOICE_MODEL, per_page=SHOWN))
    return await sound_cards.of(viewer, found.items)
