"""What admins do to workers, models and sounds: done by the services they belong to, and put on record."""

from typing import Final, Literal, assert_never

from webapp.services.audit import AuditLog
from webapp.services.downloads import Downloads
from webapp.services.identity import Identity, require_admin
from webapp.services.library.moderation import ModeratedSound, Moderation
from webapp.services.worker_control import WishAction, WorkerControl

WISHES: Final[dict[str, WishAction]] = {
    "load": "load",
    "unload": "unload",
    "pin": "pin",
    "unpin": "unpin",
}
Ruling = Literal["hide", "show", "note"]


class Operations:
    """Each call raises NotAuthorized for everybody but admins, and what its service raises."""

    def __init__(
        self, *, workers: WorkerControl, downloads: Downloads, moderation: Moderation, audit: AuditLog
    ) -> None:
        self._workers = workers
        self._downloads = downloads
        self._moderation = moderation
        self._audit = audit

    async def drain(self, identity: Identity, worker_id: str, *, is_draining: bool) -> None:
        """Let a worker take no more jobs, or take them again."""
        require_admin(identity)
        await self._workers.drain(worker_id, is_draining=is_draining)
        await self._audit.record(identity.username, "drain" if is_draining else "undrain", (worker_id,))

    async def wish(self, identity: Identity, model: str, action: WishAction) -> None:
        """Have every worker load, unload, keep or no longer keep a model."""
        require_admin(identity)
        await self._workers.wish(model, action)
        await self._audit.record(identity.username, f"model {action}", (model,))

    async def download(self, identity: Identity, name: str, *, accepted_licence: bool) -> None:
        """Fetch a model's weights to every host; whoever asks accepts their licence."""
        require_admin(identity)
        await self._downloads.start(name, accepted_licence=accepted_licence, by=identity.username)
        await self._audit.record(identity.username, "download", (name,), detail="Licence accepted")

    async def cancel_download(self, identity: Identity, name: str) -> None:
        """Stop fetching weights; what has arrived stays."""
        require_admin(identity)
        await self._downloads.cancel(name)
        await self._audit.record(identity.username, "cancel download", (name,))

    async def remove_weights(self, identity: Identity, name: str) -> None:
        """Take weights away from every host."""
        require_admin(identity)
        await self._downloads.remove(name)
        await self._audit.record(identity.username, "remove weights", (name,))

    async def moderate(
        self, identity: Identity, sound_id: str, ruling: Ruling, note: str | None
    ) -> ModeratedSound:
        """Hide a sound from everybody but its owner, show it again, or note something about it."""
        require_admin(identity)
        match ruling:
            case "hide":
                sound = await self._moderation.hide(identity, sound_id, note)
            case "show":
                sound = await self._moderation.restore(identity, sound_id, note)
            case "note":
                sound = await self._moderation.note(identity, sound_id, note or "")
            case _:
                assert_never(ruling)
        await self._audit.record(identity.username, f"{ruling} sound", (sound_id,), detail=note or "")
        return sound
