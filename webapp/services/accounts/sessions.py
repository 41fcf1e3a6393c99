"""Sessions: browsers that are signed in."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from piccolo.columns.combination import And

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, LocalBus, access_changed
from webapp.ids import Ids, secret_hash
from webapp.policy.accounts.tiers import effective_tier
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.last_use import LastUse
from webapp.services.accounts.queries import find_session
from webapp.services.shared.essential import essential
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.row_ids import is_row_id
from webapp.tables import WebSession

LIFETIME_MS: Final = 30 * 86_400_000
RECORD_USE_EVERY_MS: Final = 60_000
# The clock may be set back by this much without ending sessions.
MAX_STEP_MS: Final = 86_400_000
# More than one person's browsers, few enough to read through.
MAX_SESSIONS: Final = 100
REMEMBERED: Final = 2_000
MAX_ADDRESS_CHARACTERS: Final = 64
MAX_USER_AGENT_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid session. `was_renewed`: its expiry has just moved, so the cookie should be sent again."""

    session_id: int
    identity: Identity
    expires_ms: int
    was_renewed: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its owner sees it; the secret itself is not stored."""

    session_id: int
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    address: str
    user_agent: str


class Sessions:
    """Opens, checks and ends sessions. One ends 30 days after it was last used."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus | None = None) -> None:
        """Without a bus, open streams notice the end of a session only at their next own check."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._last_use = LastUse(
            database, clock, "web_session", every_ms=RECORD_USE_EVERY_MS, lifetime_ms=LIFETIME_MS
        )
        self._bus = bus or LocalBus(clock)
        self._cache: ReadCache[str, Identity | None] = ReadCache(database, clock, capacity=REMEMBERED)

    @essential
    async def create(
        self, account_id: int, *, address: str = "", user_agent: str = "", replacing: str | None = None
    ) -> str:
        """Open a session and return the secret for its cookie.

        `replacing` is the secret that the browser sent, if any; that session ends, so that a secret planted
        in somebody's browser is worthless once they sign in. Of an account's sessions, the most recently
        used MAX_SESSIONS are kept.
        """
        secret = self._ids.secret()
        now_ms = self._clock.now_ms()
        async with self._database.transaction():
            if replacing is not None:
                await WebSession.delete().where(WebSession.secret_hash == secret_hash(replacing))
            kept = (
                WebSession.select(WebSession.id)
                .where((WebSession.account == account_id) & (WebSession.expires_ms > now_ms))
                .order_by(WebSession.last_seen_ms, WebSession.id, ascending=False)
                .limit(MAX_SESSIONS - 1)
            )
            await WebSession.delete().where(
                (WebSession.account == account_id)
                & ((WebSession.expires_ms <= now_ms) | WebSession.id.not_in(kept))
            )
            await WebSession.insert(
                WebSession(
                    account=account_id,
                    secret_hash=secret_hash(secret),
                    created_ms=now_ms,
                    expires_ms=now_ms + LIFETIME_MS,
                    last_seen_ms=now_ms,
                    address=_storable(address, MAX_ADDRESS_CHARACTERS),
                    user_agent=_storable(user_agent, MAX_USER_AGENT_CHARACTERS),
                )
            )
        # Streams of another account's session in this browser notice its end at their own next check.
        self._bus.publish(access_changed(account_id))
        return secret

    async def resolve(self, secret: str) -> SignedIn | None:
        """Return who is signed in; None for an unknown, expired or revoked session or a disabled account."""
        now_ms = self._clock.now_ms()
        row = await self._row(secret_hash(secret), now_ms)
        if row is None:
            return None
        expires_ms: int = row["expires_ms"]
        was_renewed = self._last_use.record(row["session_id"], row["last_seen_ms"])
        if was_renewed:
            expires_ms = now_ms + LIFETIME_MS
        return SignedIn(row["session_id"], _identity(row), expires_ms, was_renewed)

    async def identity_for(self, secret: str) -> Identity | None:
        """Return who is signed in, like `resolve`, from a cache and without counting as a use."""
        hashed = secret_hash(secret)
        return await self._cache.get(hashed, partial(self._find, hashed))

    async def _find(self, hashed: str) -> Reading[Identity | None]:
        row = await self._row(hashed, self._clock.now_ms())
        return Reading(None) if row is None else Reading(_identity(row), row["expires_ms"])

    async def _row(self, hashed: str, now_ms: int) -> dict[str, Any] | None:
        row = await find_session(self._database, hashed)
        if row is None:
            return None
        pending_ms = self._last_use.pending_ms(row["session_id"]) or 0
        expires_ms = max(row["expires_ms"], pending_ms + LIFETIME_MS)
        earliest_ms, latest_ms = _in_force(now_ms)
        return row | {"expires_ms": expires_ms} if earliest_ms <= expires_ms <= latest_ms else None

    @essential
    async def end(self, secret: str) -> None:
        """Sign out: delete the session with this secret, if there is one."""
        rows = await (
            WebSession.delete()
            .where(WebSession.secret_hash == secret_hash(secret))
            .returning(WebSession.account)
        )
        self._bus.publish(*(access_changed(row["account"]) for row in rows))

    @essential
    async def revoke(self, account_id: int, session_id: int) -> None:
        """End one session of this account. Raises NotFound, for another account's session too."""
        own = (WebSession.id == session_id) & (WebSession.account == account_id)
        if not is_row_id(session_id) or not await WebSession.delete().where(own).returning(WebSession.id):
            raise NotFound("Session not found")
        self._bus.publish(access_changed(account_id))

    @essential
    async def revoke_others(self, account_id: int, keep_session_id: int | None) -> None:
        """End every session of this account but one; None ends them all."""
        query = WebSession.delete().where(WebSession.account == account_id)
        if keep_session_id is not None:
            query = query.where(WebSession.id != keep_session_id)
        await query
        self._bus.publish(access_changed(account_id))

    async def list(
        self, account_id: int, *, limit: int = MAX_SESSIONS, offset: int = 0
    ) -> tuple[SessionView, ...]:
        """Return the account's valid sessions, the most recently used first."""
        rows = await (
            WebSession.select(
                WebSession.id.as_alias("session_id"),
                WebSession.created_ms,
                WebSession.last_seen_ms,
                WebSession.expires_ms,
                WebSession.address,
                WebSession.user_agent,
            )
            .where(self._is_in_force(account_id))
            .order_by(WebSession.last_seen_ms, WebSession.id, ascending=False)
            .limit(limit)
            .offset(offset)
        )
        views = [
            SessionView(
                **row | {"last_seen_ms": self._last_use.latest(row["session_id"], row["last_seen_ms"])}
            )
            for row in rows
        ]
        return tuple(sorted(views, key=lambda view: (view.last_seen_ms, view.session_id), reverse=True))

    async def count(self, account_id: int) -> int:
        """Count the account's valid sessions."""
        total: int = await WebSession.count().where(self._is_in_force(account_id))
        return total

    def _is_in_force(self, account_id: int) -> And:
        earliest_ms, latest_ms = _in_force(self._clock.now_ms())
        return (
            (WebSession.account == account_id)
            & (WebSession.expires_ms >= earliest_ms)
            & (WebSession.expires_ms <= latest_ms)
        )


def _in_force(now_ms: int) -> tuple[int, int]:
    """Return the earliest and latest expiry of a valid session; MAX_STEP_MS allows for a clock set back."""
    return now_ms + 1, now_ms + LIFETIME_MS + MAX_STEP_MS


def _identity(row: dict[str, Any]) -> Identity:
    is_admin = bool(row["is_admin"])
    tier = effective_tier(row["tier"], is_admin=is_admin)
    return Identity(row["id"], row["username"], tier, is_admin)


def _storable(text: str, max_characters: int) -> str:
    """Cut what a client sent about itself to length, without characters that PostgreSQL cannot store."""
    return text[: 2 * max_characters].replace("\0", "").encode("utf-8", "replace").decode()[:max_characters]
