"""Requests that may be sent twice and must be carried out once."""

import hashlib
from typing import Final, Generic, TypeVar

import msgspec

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import InvalidRequest, KeyReused
from webapp.ids import secret_hash

MAX_KEY_CHARACTERS: Final = 255
LIFETIME_MS: Final = 86_400_000

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """One request under one key of one account.

    Whoever carries the request out calls both methods inside the transaction that does so, under a
    lock that others with the same key would need: then there is never an effect without its key, nor
    a key without its effect, and of requests at the same instant one is carried out.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        account_id: int,
        hashes: tuple[str, str],
        answer_type: type[Answer],
    ) -> None:
        self._database = database
        self._clock = clock
        self._account_id = account_id
        self._key_hash, self._request_hash = hashes
        self._answer_type = answer_type

    async def first_answer(self) -> Answer | None:
        """What the request was answered when it was carried out; None when it was not.

        Raises KeyReused when the key came with another request.
        """
        now_ms = self._clock.now_ms()
        rows = await self._database.fetch(
            "SELECT request_hash, answer FROM idempotency_key WHERE key_hash = {}"
            " AND created_ms > {} AND created_ms <= {}",
            self._key_hash,
            now_ms - LIFETIME_MS,
            now_ms + LIFETIME_MS,
        )
        if not rows:
            return None
        if rows[0]["request_hash"] != self._request_hash:
            raise KeyReused
        return msgspec.json.decode(rows[0]["answer"], type=self._answer_type)

    async def keep(self, answer: Answer) -> None:
        """Keep the answer for a day, in the caller's transaction; what is older goes."""
        now_ms = self._clock.now_ms()
        await self._database.fetch(
            "DELETE FROM idempotency_key WHERE created_ms <= {} OR created_ms > {}",
            now_ms - LIFETIME_MS,
            now_ms + LIFETIME_MS,
        )
        await self._database.fetch(
            "INSERT INTO idempotency_key (account, key_hash, request_hash, answer, created_ms)"
            " VALUES ({}, {}, {}, {}, {})",
            self._account_id,
            self._key_hash,
            self._request_hash,
            msgspec.json.encode(answer).decode(),
            now_ms,
        )

    async def forget(self) -> None:
        """Free the key of a request that came to nothing: the next one under it is carried out."""
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "DELETE FROM idempotency_key WHERE key_hash = {} AND request_hash = {}",
                self._key_hash,
                self._request_hash,
            )


class Idempotency:
    """Keeps the answers of requests that came with a key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def once(self, account_id: int, key: str, request: bytes, answer_type: type[Answer]) -> Once[Answer]:
        """A request under a key. `request` is what makes it the same one: operation, target and body.

        Raises InvalidRequest for a key that is empty, too long, or not printable ASCII.
        """
        if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
            raise InvalidRequest(
                f"Idempotency-Key must be 1 to {MAX_KEY_CHARACTERS} printable characters",
                field="Idempotency-Key",
            )
        hashes = secret_hash(f"{account_id} {key}"), hashlib.sha256(request).hexdigest()
        return Once(self._database, self._clock, account_id, hashes, answer_type)
