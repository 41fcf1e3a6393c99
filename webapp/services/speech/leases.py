"""What a speech worker does to a request: claim, keep, complete, refuse, hand back.

As with jobs a claim is a lease with a fencing number, and who lost it can write no result. Requests stand
in no queue with jobs and never take its lock: speech does not wait for music.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import LeaseLost
from webapp.events import Bus, speech_changed
from webapp.policy.moments import latest_lease_ms
from webapp.policy.speech import VOICE_MODEL, as_prompt
from webapp.services.library.adding import NewSound, shelve
from webapp.services.rows import Row
from webapp.services.views import SoundFacts
from webapp.settings import Settings

# A text that has ended this many workers may be what ends them.
LOST_WORKERS_LIMIT: Final = 3
# Whoever's last text is longest ago goes next, so that nobody waits behind somebody else's hundred. A sample
# stands where somebody would whose last text was spoken when it was asked for.
LAST_SERVED: Final = (
    "COALESCE((SELECT MAX(COALESCE(other.finished_ms, other.lease_expires_ms)) FROM speech_request other"
    " WHERE other.account = waiting.account AND other.status <> 'queued'"
    # A time beyond it was written before the clock was set back.
    " AND COALESCE(other.finished_ms, other.lease_expires_ms) <= {}),"
    " CASE WHEN waiting.account IS NULL THEN waiting.created_ms ELSE 0 END)"
)
KEPT_FOR_MS: Final = 25 * 3_600_000
AGAIN: Final = "status = 'queued', worker_id = NULL, lease_expires_ms = NULL"
FAILED: Final = "status = 'failed', worker_id = NULL, lease_expires_ms = NULL, refusal = {}, finished_ms = {}"
HELD: Final = (
    "request_id = {} AND status = 'processing' AND worker_id = {} AND fence = {} AND lease_expires_ms >= {}"
)


@dataclass(frozen=True, slots=True)
class SpeechClaim:
    """A request in a worker's hands. Without an account it is the sample of a voice."""

    request_id: str
    generation_id: str
    account_id: int | None
    worker_id: str
    fence: int
    text: str
    voice: str
    speed: float

    @property
    def storage_key(self) -> str:
        """Where this claim's files go; another claim of the same request has another place."""
        return f"{self.generation_id}-{self.fence}"


class SpeechLeases:
    """The worker's side of speech."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._bus = bus

    async def claim(self, worker_id: str, voices: Collection[str]) -> SpeechClaim | None:
        """Take the next request for one of these voices, fairly between accounts; None when there is none."""
        # A look without a transaction, so that idle workers write nothing.
        if not voices or not await self._database.fetch(
            "SELECT 1 AS one FROM speech_request WHERE status = 'queued' LIMIT 1"
        ):
            return None
        marks = ", ".join("{}" for _ in voices)
        lock = " FOR UPDATE OF waiting SKIP LOCKED" if self._database.dialect == "postgres" else ""
        async with self._database.transaction(durable=False):
            now_ms = self._clock.now_ms()
            rows = await self._database.fetch(
                "UPDATE speech_request SET status = 'processing', worker_id = {}, lease_expires_ms = {},"
                " fence = fence + 1 WHERE request_id = (SELECT request_id FROM speech_request waiting"
                f" WHERE status = 'queued' AND voice IN ({marks})"
                " AND NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining)"
                f" ORDER BY {LAST_SERVED}, created_ms, request_id LIMIT 1{lock}) RETURNING *",
                worker_id,
                now_ms + self._lease_ms,
                *voices,
                worker_id,
                latest_lease_ms(now_ms, self._lease_ms),
            )
        return _claim(rows[0], worker_id) if rows else None

    async def keep(self, worker_id: str, claim: SpeechClaim | None) -> bool:
        """Say that the worker is alive, and renew its lease; returns whether it still has what it had."""
        async with self._database.transaction(durable=False):
            now_ms = self._clock.now_ms()
            await self._database.fetch(
                "UPDATE worker SET heartbeat_ms = {} WHERE worker_id = {}", now_ms, worker_id
            )
            if claim is None:
                return True
            rows = await self._database.fetch(
                f"UPDATE speech_request SET lease_expires_ms = {{}} WHERE {HELD} RETURNING request_id",
                now_ms + self._lease_ms,
                *_proof(claim, now_ms),
            )
            return bool(rows)

    async def complete(self, claim: SpeechClaim, facts: SoundFacts) -> None:
        """Make the sound visible; its files must be published already. Raises LeaseLost."""
        async with self._database.transaction():
            now_ms = self._clock.now_ms()
            await self._write(
                claim, "status = 'completed', worker_id = NULL, lease_expires_ms = NULL, duration_s = {},"
                " finished_ms = {}", facts.duration_s, now_ms,
            )  # fmt: skip
            if claim.account_id is not None:
                await shelve(_new_sound(claim, claim.account_id), facts, now_ms)
            await self._database.fetch(
                "DELETE FROM speech_request WHERE finished_ms < {}"
                " AND (account IS NOT NULL OR status = 'failed')",
                now_ms - KEPT_FOR_MS,
            )
        self._tell(claim.request_id)

    async def fail(self, claim: SpeechClaim, refusal: str = "") -> None:
        """End a request without a sound; `refusal` says why where its own text is the reason.

        Raises LeaseLost.
        """
        async with self._database.transaction(durable=False):
            await self._write(claim, FAILED, refusal, self._clock.now_ms())
        self._tell(claim.request_id)

    async def hand_back(self, claim: SpeechClaim) -> None:
        """Let another worker have the request, because this one stops. Raises LeaseLost."""
        async with self._database.transaction(durable=False):
            await self._write(claim, AGAIN)
        self._tell(claim.request_id)

    async def take_back_lapsed(self) -> list[str]:
        """Let others have the requests whose lease has lapsed; returns their ids."""
        now_ms = self._clock.now_ms()
        # One that ends further ahead than it can was taken before the clock was set back.
        latest_ms = latest_lease_ms(now_ms, self._lease_ms)
        return await self._take_back("(lease_expires_ms < {} OR lease_expires_ms > {})", now_ms, latest_ms)

    async def take_back_from(self, worker_id: str) -> list[str]:
        """Let others have the requests of a worker that is known to be dead; returns their ids."""
        return await self._take_back("worker_id = {}", worker_id)

    async def held_storage_keys(self) -> set[str]:
        """Where requests in hand may be about to put their files."""
        rows = await self._database.fetch(
            "SELECT generation_id, fence FROM speech_request WHERE status = 'processing'"
        )
        return {f"{row['generation_id']}-{row['fence']}" for row in rows}

    async def _write(self, claim: SpeechClaim, assignments: str, *arguments: object) -> None:
        rows = await self._database.fetch(
            f"UPDATE speech_request SET {assignments} WHERE {HELD} RETURNING request_id",
            *arguments,
            *_proof(claim, self._clock.now_ms()),
        )
        if not rows:
            raise LeaseLost(claim.request_id)

    async def _take_back(self, condition: str, *arguments: object) -> list[str]:
        held = f"status = 'processing' AND {condition}"
        if not await self._database.fetch(
            f"SELECT 1 AS one FROM speech_request WHERE {held} LIMIT 1", *arguments
        ):
            return []
        async with self._database.transaction(durable=False):
            given_up = await self._database.fetch(
                f"UPDATE speech_request SET {FAILED}, lost_workers = lost_workers + 1"
                f" WHERE {held} AND lost_workers + 1 >= {{}} RETURNING request_id",
                "",
                self._clock.now_ms(),
                *arguments,
                LOST_WORKERS_LIMIT,
            )
            again = await self._database.fetch(
                f"UPDATE speech_request SET {AGAIN}, lost_workers = lost_workers + 1 WHERE {held}"
                " RETURNING request_id",
                *arguments,
            )
        requests = [row["request_id"] for row in (*given_up, *again)]
        self._tell(*requests)
        return requests

    def _tell(self, *request_ids: str) -> None:
        self._bus.publish(*(speech_changed(request_id) for request_id in request_ids))


def _proof(claim: SpeechClaim, now_ms: int) -> tuple[object, ...]:
    return (claim.request_id, claim.worker_id, claim.fence, now_ms)


def _claim(row: Row, worker_id: str) -> SpeechClaim:
    return SpeechClaim(
        request_id=row["request_id"],
        generation_id=row["generation_id"],
        account_id=row["account"],
        worker_id=worker_id,
        fence=row["fence"],
        text=row["text"],
        voice=row["voice"],
        speed=row["speed"],
    )


def _new_sound(claim: SpeechClaim, account_id: int) -> NewSound:
    return NewSound(
        sound_id=claim.generation_id,
        account_id=account_id,
        storage_key=claim.storage_key,
        model=VOICE_MODEL,
        prompt=as_prompt(claim.text),
        is_loopable=False,
    )
