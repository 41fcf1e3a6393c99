"""The façade of the library, and how it is wired."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus
from webapp.ids import Ids
from webapp.services.admin.audit import AuditLog
from webapp.services.library.browse import Browser
from webapp.services.library.cursors import Cursors
from webapp.services.library.details import SoundDetails
from webapp.services.library.export import Exports
from webapp.services.library.favorites import Favorites
from webapp.services.library.importing import Importer
from webapp.services.library.moderation import Moderation
from webapp.services.library.playlists import Playlists
from webapp.services.library.plays import Plays
from webapp.services.library.publishing import Publishing
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.library.votes import Votes
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.shared.secret_key import secret_key
from webapp.settings import Settings
from webapp.storage import Storage


@dataclass(frozen=True, slots=True)
class Library:
    """The services of the library that handlers use."""

    browse: Browser
    cursors: Cursors
    details: SoundDetails
    votes: Votes
    favorites: Favorites
    plays: Plays
    playlists: Playlists
    publishing: Publishing
    moderation: Moderation
    exports: Exports
    importer: Importer


def build_library(
    database: Database,
    clock: Clock,
    ids: Ids,
    settings: Settings,
    bus: Bus,
    *,
    storage: Storage,
    storage_guard: StorageGuard,
    rate_limits: RateLimits,
) -> Library:
    """Wire the library over an open database."""
    browse, playlists = Browser(database, clock), Playlists(database, clock, ids, bus)
    return Library(
        browse=browse,
        cursors=Cursors(secret_key(settings)),
        details=SoundDetails(database),
        votes=Votes(database, rate_limits, settings, bus),
        favorites=Favorites(database, clock, rate_limits, settings, bus),
        plays=Plays(database, rate_limits),
        playlists=playlists,
        publishing=Publishing(database, storage, bus, AuditLog(database, clock)),
        moderation=Moderation(database, clock, browse, bus),
        exports=Exports(database, storage, clock, browse, playlists),
        importer=Importer(database, storage, clock, bus, storage_guard),
    )
