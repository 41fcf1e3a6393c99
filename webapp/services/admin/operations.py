"""Admins' actions on workers, models and sounds: the owning services do them, and each is recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from webapp.database import Database
from webapp.events import MISSED, Bus
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.admin.audit_log import AuditLog
from webapp.services.library.moderation import ModeratedSound, Moderation
from webapp.services.models.downloads import Downloads
from webapp.services.workers.control import WishAction, WorkerControl


class Operations:
    """Each call raises NotAuthorized for everybody but admins, and what its service raises."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        workers: WorkerControl,
        downloads: Downloads,
        moderation: Moderation,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._bus = bus
        self._workers = workers
        self._downloads = downloads
        self._moderation = moderation
        self._audit = audit

    async def drain(self, identity: Identity, worker_id: str, *, is_draining: bool) -> None:
        """Let a worker take no more jobs, or take them again."""
        async with self._on_record(identity, "drain" if is_draining else "undrain", worker_id):
            await self._workers.drain(worker_id, is_draining=is_draining)

    async def wish(self, identity: Identity, model: str, action: WishAction) -> None:
        """Have every worker load, unload, keep or no longer keep a model."""
        async with self._on_record(identity, f"model {action}", model):
            await self._workers.wish(model, action)

    async def download(self, identity: Identity, name: str, *, accepted_licence: bool) -> None:
        """Fetch a model's weights to every host; whoever asks accepts their licence."""
        async with self._on_record(identity, "download", name, "Licence accepted"):
            await self._downloads.start(name, accepted_licence=accepted_licence, by=identity.username)

    async def cancel_download(self, identity: Identity, name: str) -> None:
        """Stop fetching weights; what has arrived stays."""
        async with self._on_record(identity, "cancel download", name):
            await self._downloads.cancel(name)

    async def remove_weights(self, identity: Identity, name: str) -> None:
        """Take weights away from every host."""
        async with self._on_record(identity, "remove weights", name):
            await self._downloads.remove(name)

    async def hide_sound(self, identity: Identity, sound_id: str, note: str | None = None) -> ModeratedSound:
        """Hide a sound from everybody but its owner; without a note an earlier one stays."""
        async with self._on_record(identity, "hide sound", sound_id, note or ""):
            return await self._moderation.hide(identity, sound_id, note)

    async def show_sound(self, identity: Identity, sound_id: str, note: str | None = None) -> ModeratedSound:
        """Show a sound again, if its owner publishes it."""
        async with self._on_record(identity, "show sound", sound_id, note or ""):
            return await self._moderation.restore(identity, sound_id, note)

    async def annotate_sound(self, identity: Identity, sound_id: str, note: str) -> ModeratedSound:
        """Write something about a sound for other admins."""
        async with self._on_record(identity, "note sound", sound_id, note):
            return await self._moderation.note(identity, sound_id, note)

    @asynccontextmanager
    async def _on_record(
        self, identity: Identity, action: str, subject: str, detail: str = ""
    ) -> AsyncIterator[None]:
        """Commit the block's changes and their record together, or neither. Raises NotAuthorized."""
        require_admin(identity)
        async with self._database.transaction():
            yield
            await self._audit.record(identity.username, action, (subject,), detail=detail)
        # What the block itself published came before its commit.
        self._bus.publish(*MISSED)
