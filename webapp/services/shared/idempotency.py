"""Idempotency keys: requests that may be sent twice and must be carried out once."""

import hashlib
from typing import Final, Generic, TypeVar

import msgspec

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import InvalidRequest, KeyReused
from webapp.ids import secret_hash
from webapp.services.shared.queries import find_answer
from webapp.tables import IdempotencyKey

MAX_KEY_CHARACTERS: Final = 255
LIFETIME_MS: Final = 86_400_000

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """A request with an idempotency key of one account.

    Call `first_answer` and `keep` inside the transaction that carries the request out, under a lock that
    other requests with the same key need as well. Then there is never an effect without its key, nor a key
    without its effect, and only one of several concurrent requests is carried out.
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
        """Return the answer that the request got when it was carried out; None if it was not.

        Raises KeyReused if the key came with another request.
        """
        now_ms = self._clock.now_ms()
        row = await find_answer(self._database, self._key_hash, now_ms - LIFETIME_MS, now_ms + LIFETIME_MS)
        if row is None:
            return None
        if row["request_hash"] != self._request_hash:
            raise KeyReused
        return msgspec.json.decode(row["answer"], type=self._answer_type)

    async def keep(self, answer: Answer) -> None:
        """Store the answer for a day, in the caller's transaction; delete older ones."""
        now_ms = self._clock.now_ms()
        created_ms = IdempotencyKey.created_ms
        await IdempotencyKey.delete().where(
            (created_ms <= now_ms - LIFETIME_MS) | (created_ms > now_ms + LIFETIME_MS)
        )
        await IdempotencyKey.insert(
            IdempotencyKey(
                account=self._account_id,
                key_hash=self._key_hash,
                request_hash=self._request_hash,
                answer=msgspec.json.encode(answer).decode(),
                created_ms=now_ms,
            )
        )

    async def forget(self) -> None:
        """Free the key of a request that failed, so that the next one under it is carried out."""
        async with self._database.transaction(durable=False):
            await IdempotencyKey.delete().where(
                (IdempotencyKey.key_hash == self._key_hash)
                & (IdempotencyKey.request_hash == self._request_hash)
            )


class Idempotency:
    """Stores the answers to requests that came with a key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def once(self, account_id: int, key: str, request: bytes, answer_type: type[Answer]) -> Once[Answer]:
        """Return a request under a key. `request` identifies it: operation, target and body.

        Raises InvalidRequest for a key that is empty, too long, or not printable ASCII.
        """
        if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
            raise InvalidRequest(
                f"Idempotency-Key must be 1 to {MAX_KEY_CHARACTERS} printable characters",
                field="Idempotency-Key",
            )
        hashes = secret_hash(f"{account_id} {key}"), hashlib.sha256(request).hexdigest()
        return Once(self._database, self._clock, account_id, hashes, answer_type)
