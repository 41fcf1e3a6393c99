"""Sounds that accounts send in: taken within limits, kept for a day, used as sources of new ones."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.errors import LimitPolicy, LimitReached, NotFound, StorageFull, Unavailable
from webapp.policy.library.uploads import ARRIVES_WITHIN_MS, KEPT_FOR_MS
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.accounts.identity import Identity
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.shared.essential import essential
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.shared.rate_limits import HOUR_S, LimitUsage, RateLimits
from webapp.services.sources.upload_decoder import DecodedUpload, UploadDecoder
from webapp.tables import Job, Upload

NOT_FOUND: Final = "Upload not found"
TOO_MANY_IN_HOUR: Final = "Rate limit exceeded"
TOO_MANY_KEPT: Final = "As many of your uploads are kept as may be; delete one, or wait until one expires"
ARRIVING: Final = "arriving.in"
UPLOAD_FILE: Final = "sound.flac"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload that can be used. `kind` is what was sent: wav, flac, ogg, mp3 or webm."""

    upload_id: str
    kind: str
    duration_s: float
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """An upload on its way; its bytes are to be written to `path`."""

    upload_id: str
    storage_key: str
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / ARRIVING


class Uploads:
    """Takes sounds in. Both limits of an account hold exactly, for uploads that are still arriving too."""

    def __init__(
        self,
        base: Foundation,
        *,
        storage_guard: StorageGuard,
        rate_limits: RateLimits,
        loose: LooseGroups,
        decoder: UploadDecoder,
    ) -> None:
        self._database = base.database
        self._storage = base.storage
        self._clock = base.clock
        self._ids = base.ids
        self._hourly = base.settings.upload_hourly
        self._kept = base.settings.uploads_kept
        self._guard = storage_guard
        self._rate_limits = rate_limits
        self._loose = loose
        self._decoder = decoder

    @asynccontextmanager
    async def arriving(self, identity: Identity) -> AsyncIterator[Arrival]:
        """Give a place to write an upload to, for `accept`; if the block raises, nothing is left of it.

        Raises LimitReached (of the hour, or as many as are kept) and StorageFull. An upload counts towards
        the hour from here on, whatever becomes of it.
        """
        arrival = await self._reserve(identity.account_id)
        try:
            yield arrival
        except BaseException:
            await self._give_up(arrival)
            raise
        finally:
            await self._storage.discard(arrival.folder)

    async def accept(self, arrival: Arrival) -> UploadView:
        """Decode and keep what has arrived; it is durable when this returns.

        Raises InvalidRequest and UnsupportedMediaType for what is no usable sound, StorageFull, StorageAway,
        and Unavailable.
        """
        target = arrival.folder / UPLOAD_FILE
        decoded = await self._decoder.decode(arrival.path, target)
        size = await asyncio.to_thread(_keep_only, target)
        await self._storage.publish(arrival.storage_key, arrival.folder)
        return await self._make_ready(arrival, decoded, size)

    async def delete(self, identity: Identity, upload_id: str) -> None:
        """Delete an own upload. Raises NotFound."""
        keys = await self._delete_rows(identity.account_id, upload_id)
        if not keys:
            raise NotFound(NOT_FOUND)
        await self._loose.remove(keys)

    async def usage(self, identity: Identity) -> LimitUsage:
        """Return how much of the hourly limit is used."""
        return await self._rate_limits.usage(_bucket(identity.account_id), self._hourly, HOUR_S)

    async def remove_expired(self) -> int:
        """Delete the uploads whose time is up, unless a job in the queue needs them; return how many."""
        now_ms = self._clock.now_ms()
        due = Upload.expires_ms <= now_ms
        if not await Upload.exists().where(due):
            return 0
        needed = await Job.select(Job.melody_from, Job.continues).where(
            Job.status.is_in(list(ACTIVE)), Job.melody_from.is_not_null() | Job.continues.is_not_null()
        )
        ids = [(row["melody_from"] or "").partition("/")[2] or row["continues"] for row in needed]
        async with self._database.transaction():
            gone = due & Upload.upload_id.not_in(ids) if ids else due
            rows = await Upload.delete().where(gone).returning(Upload.storage_key)
            keys = [row["storage_key"] for row in rows]
            await self._loose.doom(keys)
        await self._loose.remove(keys)
        return len(keys)

    async def _reserve(self, account_id: int) -> Arrival:
        upload_id = self._ids.generation_id()
        key = f"{upload_id}-1"
        async with self._database.transaction():
            # It locks the account's bucket, so that what follows is decided for one request at a time.
            await self._rate_limits.hit(_bucket(account_id), self._hourly, HOUR_S, TOO_MANY_IN_HOUR)
            now_ms = self._clock.now_ms()
            await self._check_kept(account_id, now_ms)
            full = await self._guard.full([account_id])
            if account_id in full:
                raise StorageFull(full[account_id])
            await Upload.insert(
                Upload(
                    upload_id=upload_id,
                    account=account_id,
                    storage_key=key,
                    created_ms=now_ms,
                    expires_ms=now_ms + ARRIVES_WITHIN_MS,
                )
            )
        return Arrival(upload_id, key, await asyncio.to_thread(self._storage.staging_folder))

    async def _check_kept(self, account_id: int, now_ms: int) -> None:
        own = (Upload.account == account_id) & (Upload.expires_ms > now_ms)
        rows = await Upload.select(Upload.expires_ms).where(own).order_by(Upload.expires_ms)
        if len(rows) >= self._kept:
            wait_s = -((now_ms - rows[0]["expires_ms"]) // 1000)
            policy = LimitPolicy("uploads-kept", self._kept)
            raise LimitReached(TOO_MANY_KEPT, retry_after_s=wait_s, policy=policy)

    async def _make_ready(self, arrival: Arrival, decoded: DecodedUpload, size: int) -> UploadView:
        expires_ms = self._clock.now_ms() + KEPT_FOR_MS
        async with self._database.transaction():
            rows = await (
                Upload.update(
                    {
                        Upload.is_ready: True,
                        Upload.expires_ms: expires_ms,
                        Upload.kind: decoded.kind,
                        Upload.duration_s: decoded.duration_s,
                        Upload.sample_rate: decoded.sample_rate,
                        Upload.channels: decoded.channels,
                        Upload.bytes_total: size,
                    }
                )
                .where(Upload.upload_id == arrival.upload_id)
                .returning(Upload.upload_id)
            )
        if not rows:
            # It expired on its way, or its account is gone.
            raise Unavailable("The upload took too long to store; try again")
        return UploadView(arrival.upload_id, decoded.kind, decoded.duration_s, expires_ms)

    @essential
    async def _delete_rows(self, account_id: int, upload_id: str) -> list[str]:
        async with self._database.transaction():
            rows = await (
                Upload.delete()
                .where(Upload.upload_id == upload_id, Upload.account == account_id, Upload.is_ready.eq(True))
                .returning(Upload.storage_key)
            )
            keys = [row["storage_key"] for row in rows]
            await self._loose.doom(keys)
        return keys

    async def _give_up(self, arrival: Arrival) -> None:
        """Remove the row of an upload that was not accepted, and files that it may have by now."""
        try:
            async with self._database.transaction():
                await Upload.delete().where(Upload.upload_id == arrival.upload_id)
                await self._loose.doom([arrival.storage_key])
            await self._loose.remove([arrival.storage_key])
        except Exception:
            logger.exception("an upload that was given up stays until it expires")


def _bucket(account_id: int) -> str:
    return f"uploads/account/{account_id}"


def _keep_only(target: Path) -> int:
    """Remove everything but the decoded file from its folder; return its size."""
    for path in target.parent.iterdir():
        if path != target and not path.name.startswith("."):
            path.unlink()
    return target.stat().st_size
