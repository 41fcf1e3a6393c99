"""The façade of the library, and how it is wired."""

from dataclasses import dataclass

from webapp.services.admin.audit_log import AuditLog
from webapp.services.library.browse import Browser
from webapp.services.library.cursors import Cursors
from webapp.services.library.details import SoundDetails
from webapp.services.library.export import Exports
from webapp.services.library.favorites import Favorites
from webapp.services.library.files import Sounds
from webapp.services.library.importing import Importer
from webapp.services.library.moderation import Moderation
from webapp.services.library.playlists import Playlists
from webapp.services.library.plays import Plays
from webapp.services.library.publishing import Publishing
from webapp.services.library.radio import Radio
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.library.votes import Votes
from webapp.services.queue.leases import Leases
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.shared.secret_key import secret_key
from webapp.services.sources.continued_sounds import ContinuedSounds
from webapp.services.sources.history import SoundHistories
from webapp.services.sources.sound_sources import SoundSources
from webapp.services.sources.upload_decoder import UploadDecoder
from webapp.services.sources.uploads import Uploads
from webapp.services.speech.leases import SpeechLeases


@dataclass(frozen=True, slots=True)
class LibraryServices:
    """Sounds as they are published, found and kept, and their `files`."""

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
    files: Sounds
    radio: Radio
    uploads: Uploads
    sources: SoundSources
    continued: ContinuedSounds
    histories: SoundHistories


def build_library(
    base: Foundation,
    *,
    storage_guard: StorageGuard,
    rate_limits: RateLimits,
    audit: AuditLog,
    leases: Leases,
    speech_leases: SpeechLeases,
    loose: LooseGroups,
    sources: SoundSources,
) -> LibraryServices:
    """Wire the library."""
    database, clock, ids, settings, bus, storage = (
        base.database,
        base.clock,
        base.ids,
        base.settings,
        base.bus,
        base.storage,
    )
    browse, playlists = Browser(database, clock), Playlists(database, clock, ids, bus)
    return LibraryServices(
        browse=browse,
        cursors=Cursors(secret_key(settings)),
        details=SoundDetails(database),
        votes=Votes(database, rate_limits, settings, bus),
        favorites=Favorites(database, clock, rate_limits, settings, bus),
        plays=Plays(database, rate_limits),
        playlists=playlists,
        publishing=Publishing(database, loose, bus, audit),
        moderation=Moderation(database, clock, browse, bus),
        exports=Exports(database, storage, clock, browse, playlists),
        importer=Importer(base, loose, storage_guard),
        files=Sounds(base, leases, speech_leases, loose),
        radio=Radio(browse, ids),
        uploads=Uploads(
            base, storage_guard=storage_guard, rate_limits=rate_limits, loose=loose, decoder=UploadDecoder()
        ),
        sources=sources,
        continued=ContinuedSounds(),
        histories=SoundHistories(),
    )
