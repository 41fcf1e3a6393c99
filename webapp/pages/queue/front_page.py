"""The start page for strangers: what this is, and sounds that others liked."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.pages.frame.chrome import Chrome
from webapp.pages.library.sound_cards import SoundCards
from webapp.pages.models.cards import model_cards
from webapp.pages.queue.generate_contexts import WelcomePage
from webapp.policy.accounts.tiers import DEFAULT_TIER
from webapp.policy.library.fields import LibraryQuery
from webapp.services.accounts.facade import AccountServices
from webapp.services.library.facade import LibraryServices
from webapp.services.queue.facade import QueueServices
from webapp.services.workers.facade import WorkerServices
from webapp.settings import Settings

SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class FrontPage:
    """Reads the start page of whoever is not signed in. It promises what a new account gets."""

    settings: Settings
    accounts: AccountServices
    queue: QueueServices
    library: LibraryServices
    workers: WorkerServices
    sound_cards: SoundCards

    async def read(self) -> WelcomePage:
        """Return the page with the models and the sounds with the most votes."""
        liked = await self.library.browse.public(LibraryQuery(per_page=SHOWN, sort="votes"))
        longest_s = self.queue.tiers[DEFAULT_TIER].max_duration_s
        return WelcomePage(
            chrome=Chrome("generate"),
            is_registration_open=self.settings.registration == "open",
            models=model_cards(await self.workers.status.report(), longest_s),
            cards=await self.sound_cards.of(None, liked.items),
            needs_admin=await self.accounts.setup_links.is_needed(),
        )


InjectedFrontPage: TypeAlias = NamedDependency[SkipValidation[FrontPage]]
