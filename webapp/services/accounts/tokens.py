"""Bearer tokens for the JSON API."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

from piccolo.columns.combination import And

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import Conflict, NotFound
from webapp.events import Bus, LocalBus, access_changed
from webapp.ids import Ids, secret_hash
from webapp.policy.accounts.credentials import checked_label
from webapp.policy.accounts.tiers import effective_tier
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.last_use import LastUse
from webapp.services.accounts.queries import find_token
from webapp.services.shared.essential import essential
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.row_ids import is_row_id
from webapp.tables import Account, ApiToken

# Makes a token that leaked into a file or a log easy to recognise and to find.
TOKEN_PREFIX: Final = "sl_"  # noqa: S105 - marks secrets, is none
DAY_MS: Final = 86_400_000
LIFETIME_MS: Final = 365 * DAY_MS
RECORD_USE_EVERY_MS: Final = 60_000
MAX_TOKENS: Final = 500
REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as its owner sees it; the secret itself is not stored."""

    token_id: int
    label: str
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A valid token and its account."""

    identity: Identity
    token_id: int
    last_used_ms: int | None


class Tokens:
    """Makes, checks and revokes the tokens of accounts."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus | None = None) -> None:
        """Without a bus, open streams notice the end of a token only at their next own check."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._last_use = LastUse(database, clock, "api_token", every_ms=RECORD_USE_EVERY_MS)
        self._bus = bus or LocalBus(clock)
        self._cache: ReadCache[str, _Known | None] = ReadCache(database, clock, capacity=REMEMBERED)

    @essential
    async def create(
        self, account_id: int, label: str | None = None, *, lifetime_ms: int | None = LIFETIME_MS
    ) -> tuple[str, TokenView]:
        """Create a token; return its secret, which is not stored, and its view.

        With `lifetime_ms=None` it never expires. The account's expired tokens are removed. Raises
        InvalidRequest for an invalid label, and Conflict when the account has MAX_TOKENS tokens.
        """
        text = checked_label(label)
        secret = TOKEN_PREFIX + self._ids.secret()
        async with self._database.transaction():
            now_ms = self._clock.now_ms()
            # Lock the account's row, so that concurrent requests cannot exceed the limit.
            await Account.update({Account.tier: Account.tier}).where(Account.id == account_id)
            await ApiToken.delete().where((ApiToken.account == account_id) & (ApiToken.expires_ms <= now_ms))
            if await ApiToken.count().where(ApiToken.account == account_id) >= MAX_TOKENS:
                raise Conflict(
                    f"An account can have {MAX_TOKENS} tokens; revoke one that is no longer needed"
                )
            expires_ms = None if lifetime_ms is None else now_ms + lifetime_ms
            row = ApiToken(
                account=account_id,
                label=text,
                token_hash=secret_hash(secret),
                created_ms=now_ms,
                expires_ms=expires_ms,
            )
            await ApiToken.insert(row)
        return secret, TokenView(row.id, text, now_ms, expires_ms, None)

    async def identity_for(self, secret: str) -> Identity | None:
        """Return a token's account; None for an unknown, expired or revoked token or a disabled account."""
        known = await self._known(secret)
        if known is None:
            return None
        self._last_use.record(known.token_id, known.last_used_ms)
        return known.identity

    async def owner(self, secret: str) -> Identity | None:
        """Return a token's account, like `identity_for`, without counting as a use."""
        known = await self._known(secret)
        return known.identity if known else None

    async def _known(self, secret: str) -> _Known | None:
        token_hash = secret_hash(secret)
        return await self._cache.get(token_hash, partial(self._find, token_hash))

    async def _find(self, token_hash: str) -> Reading[_Known | None]:
        row = await find_token(self._database, token_hash, self._clock.now_ms())
        if row is None:
            return Reading(None)
        is_admin = bool(row["is_admin"])
        tier = effective_tier(row["tier"], is_admin=is_admin)
        known = _Known(
            Identity(row["id"], row["username"], tier, is_admin), row["token_id"], row["last_used_ms"]
        )
        return Reading(known, math.inf if row["expires_ms"] is None else row["expires_ms"])

    async def list(
        self, account_id: int, *, limit: int = MAX_TOKENS, offset: int = 0
    ) -> tuple[TokenView, ...]:
        """Return the account's tokens that have not expired, newest first."""
        rows = await (
            ApiToken.select(
                ApiToken.id.as_alias("token_id"),
                ApiToken.label,
                ApiToken.created_ms,
                ApiToken.expires_ms,
                ApiToken.last_used_ms,
            )
            .where(self._is_in_force(account_id))
            .order_by(ApiToken.id, ascending=False)
            .limit(limit)
            .offset(offset)
        )
        return tuple(
            TokenView(**row | {"last_used_ms": self._last_use.latest(row["token_id"], row["last_used_ms"])})
            for row in rows
        )

    async def count(self, account_id: int) -> int:
        """Count the account's tokens that have not expired."""
        total: int = await ApiToken.count().where(self._is_in_force(account_id))
        return total

    def _is_in_force(self, account_id: int) -> And:
        return (ApiToken.account == account_id) & (
            ApiToken.expires_ms.is_null() | (ApiToken.expires_ms > self._clock.now_ms())
        )

    @essential
    async def revoke(self, account_id: int, token_id: int) -> None:
        """Revoke a token of this account at once. Raises NotFound, for another account's token too."""
        own = (ApiToken.id == token_id) & (ApiToken.account == account_id)
        if not is_row_id(token_id) or not await ApiToken.delete().where(own).returning(ApiToken.id):
            raise NotFound("Token not found")
        self._bus.publish(access_changed(account_id))
