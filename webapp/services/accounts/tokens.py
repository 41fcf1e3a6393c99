"""Bearer tokens for the JSON API."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import Conflict, NotFound
from webapp.events import Bus, LocalBus, access_changed
from webapp.ids import Ids, secret_hash
from webapp.policy.credentials import checked_label
from webapp.policy.tiers import effective_tier
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.last_use import LastUse
from webapp.services.shared.essential import essential
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.row_ids import is_row_id
from webapp.tables import ApiToken

# Makes a token that leaked into a file or a log easy to recognise and to search for.
TOKEN_PREFIX: Final = "sl_"  # noqa: S105 - marks secrets, is none
DAY_MS: Final = 86_400_000
LIFETIME_MS: Final = 365 * DAY_MS
NOTE_USE_EVERY_MS: Final = 60_000
MAX_TOKENS: Final = 500
REMEMBERED: Final = 10_000
OWN: Final = "account = {} AND (expires_ms IS NULL OR expires_ms > {})"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as its owner sees it; the secret itself is not kept."""

    token_id: int
    label: str
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that is good, and whose it is."""

    identity: Identity
    token_id: int
    last_used_ms: int | None


class Tokens:
    """Makes, checks and revokes the tokens of accounts."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus | None = None) -> None:
        """Without a bus, open streams notice the end of a token when they look by themselves."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._last_use = LastUse(database, clock, "api_token", every_ms=NOTE_USE_EVERY_MS)
        self._bus = bus or LocalBus(clock)
        self._cache: ReadCache[str, _Known | None] = ReadCache(database, clock, capacity=REMEMBERED)

    @essential
    async def create(
        self, account_id: int, label: str | None = None, *, lifetime_ms: int | None = LIFETIME_MS
    ) -> tuple[str, TokenView]:
        """A new token: its secret, shown this once, and what is kept. `lifetime_ms=None` never expires.

        Expired tokens of the account are removed. Raises InvalidRequest for a label that cannot be one,
        and Conflict when the account holds as many tokens as it may.
        """
        text = checked_label(label)
        secret = TOKEN_PREFIX + self._ids.secret()
        async with self._database.transaction():
            now_ms = self._clock.now_ms()
            # Locks the account, so that the count holds whatever arrives at once.
            await self._database.fetch("UPDATE account SET tier = tier WHERE id = {}", account_id)
            await self._database.fetch(
                "DELETE FROM api_token WHERE account = {} AND expires_ms <= {}", account_id, now_ms
            )
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
        """Whose token this is; None when it is unknown, expired or revoked, or its account is disabled."""
        known = await self._known(secret)
        if known is None:
            return None
        self._last_use.note(known.token_id, known.last_used_ms)
        return known.identity

    async def owner(self, secret: str) -> Identity | None:
        """Whose token this is, as `identity_for` says; to ask does not count as a use."""
        known = await self._known(secret)
        return known.identity if known else None

    async def _known(self, secret: str) -> _Known | None:
        token_hash = secret_hash(secret)
        return await self._cache.get(token_hash, partial(self._find, token_hash))

    async def _find(self, token_hash: str) -> Reading[_Known | None]:
        now_ms = self._clock.now_ms()
        rows = await self._database.fetch(
            "SELECT api_token.id AS token_id, api_token.last_used_ms, api_token.expires_ms, account.id,"
            " account.username, account.tier, account.is_admin"
            " FROM api_token JOIN account ON account.id = api_token.account"
            " WHERE api_token.token_hash = {} AND (api_token.expires_ms IS NULL OR api_token.expires_ms > {})"
            " AND account.is_disabled = {}",
            token_hash,
            now_ms,
            False,
        )
        if not rows:
            return Reading(None)
        row = rows[0]
        is_admin = bool(row["is_admin"])
        tier = effective_tier(row["tier"], is_admin=is_admin)
        known = _Known(
            Identity(row["id"], row["username"], tier, is_admin), row["token_id"], row["last_used_ms"]
        )
        return Reading(known, math.inf if row["expires_ms"] is None else row["expires_ms"])

    async def list(
        self, account_id: int, *, limit: int = MAX_TOKENS, offset: int = 0
    ) -> tuple[TokenView, ...]:
        """The account's tokens that have not expired, newest first."""
        rows = await self._database.fetch(
            "SELECT id AS token_id, label, created_ms, expires_ms, last_used_ms FROM api_token"
            f" WHERE {OWN} ORDER BY id DESC LIMIT {{}} OFFSET {{}}",
            account_id,
            self._clock.now_ms(),
            limit,
            offset,
        )
        return tuple(
            TokenView(**row | {"last_used_ms": self._last_use.latest(row["token_id"], row["last_used_ms"])})
            for row in rows
        )

    async def count(self, account_id: int) -> int:
        """How many tokens of the account have not expired."""
        rows = await self._database.fetch(
            f"SELECT COUNT(*) AS total FROM api_token WHERE {OWN}", account_id, self._clock.now_ms()
        )
        return int(rows[0]["total"])

    @essential
    async def revoke(self, account_id: int, token_id: int) -> None:
        """End a token of this account at once. Raises NotFound, for another account's token too."""
        own = (ApiToken.id == token_id) & (ApiToken.account == account_id)
        if not is_row_id(token_id) or not await ApiToken.delete().where(own).returning(ApiToken.id):
            raise NotFound("Token not found")
        self._bus.publish(access_changed(account_id))
