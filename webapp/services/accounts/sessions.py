"""Signed-in browsers."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, LocalBus, access_changed
from webapp.ids import Ids, secret_hash
from webapp.policy.tiers import effective_tier
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.last_use import LastUse
from webapp.services.shared.essential import essential
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.row_ids import is_row_id
from webapp.tables import WebSession

LIFETIME_MS: Final = 30 * 86_400_000
NOTE_USE_EVERY_MS: Final = 60_000
# How far a clock may be set back without ending sessions.
MAX_STEP_MS: Final = 86_400_000
# More than the browsers of a person, few enough to be looked through.
MAX_SESSIONS: Final = 100
REMEMBERED: Final = 2_000
MAX_ADDRESS_CHARACTERS: Final = 64
MAX_USER_AGENT_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session in force. `was_renewed`: its end has just moved, so the cookie should be sent again."""

    session_id: int
    identity: Identity
    expires_ms: int
    was_renewed: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its owner sees it; the secret itself is not kept."""

    session_id: int
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    address: str
    user_agent: str


class Sessions:
    """Opens, checks and ends sessions. One ends 30 days after it was last used."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus | None = None) -> None:
        """Without a bus, open streams notice the end of a session when they look by themselves."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._last_use = LastUse(
            database, clock, "web_session", every_ms=NOTE_USE_EVERY_MS, lifetime_ms=LIFETIME_MS
        )
        self._bus = bus or LocalBus(clock)
        self._cache: ReadCache[str, Identity | None] = ReadCache(database, clock, capacity=REMEMBERED)

    @essential
    async def create(
        self, account_id: int, *, address: str = "", user_agent: str = "", replacing: str | None = None
    ) -> str:
        """Open a session and return the secret for its cookie.

        `replacing` is the secret that the browser sent, if any; that session ends. So a secret planted
        in somebody's browser is worth nothing once they sign in. Of an account's sessions those that were
        used last are kept, as many as it may have.
        """
        secret = self._ids.secret()
        now_ms = self._clock.now_ms()
        async with self._database.transaction():
            if replacing is not None:
                await WebSession.delete().where(WebSession.secret_hash == secret_hash(replacing))
            await self._database.fetch(
                "DELETE FROM web_session WHERE account = {} AND (expires_ms <= {} OR id NOT IN ("
                "SELECT id FROM web_session WHERE account = {} AND expires_ms > {}"
                " ORDER BY last_seen_ms DESC, id DESC LIMIT {}))",
                account_id,
                now_ms,
                account_id,
                now_ms,
                MAX_SESSIONS - 1,
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
        # One that another account left in this browser is found by those who look by themselves.
        self._bus.publish(access_changed(account_id))
        return secret

    async def resolve(self, secret: str) -> SignedIn | None:
        """Who is signed in; None when the session is unknown, over or revoked, or its account is disabled."""
        now_ms = self._clock.now_ms()
        row = await self._row(secret_hash(secret), now_ms)
        if row is None:
            return None
        expires_ms: int = row["expires_ms"]
        was_renewed = self._last_use.note(row["session_id"], row["last_seen_ms"])
        if was_renewed:
            expires_ms = now_ms + LIFETIME_MS
        return SignedIn(row["session_id"], _identity(row), expires_ms, was_renewed)

    async def identity_for(self, secret: str) -> Identity | None:
        """Who is signed in, as `resolve` says; asking often costs little, and does not count as a use."""
        hashed = secret_hash(secret)
        return await self._cache.get(hashed, partial(self._find, hashed))

    async def _find(self, hashed: str) -> Reading[Identity | None]:
        row = await self._row(hashed, self._clock.now_ms())
        return Reading(None) if row is None else Reading(_identity(row), row["expires_ms"])

    async def _row(self, hashed: str, now_ms: int) -> dict[str, Any] | None:
        rows = await self._database.fetch(
            "SELECT web_session.id AS session_id, web_session.last_seen_ms, web_session.expires_ms,"
            " account.id, account.username, account.tier, account.is_admin"
            " FROM web_session JOIN account ON account.id = web_session.account"
            " WHERE web_session.secret_hash = {} AND account.is_disabled = {}",
            hashed,
            False,
        )
        if not rows:
            return None
        row = rows[0]
        expires_ms = max(row["expires_ms"], (self._last_use.noted_ms(row["session_id"]) or 0) + LIFETIME_MS)
        earliest_ms, latest_ms = _in_force(now_ms)
        return row | {"expires_ms": expires_ms} if earliest_ms <= expires_ms <= latest_ms else None

    @essential
    async def end(self, secret: str) -> None:
        """Sign out: end the session with this secret, if there is one."""
        rows = await self._database.fetch(
            "DELETE FROM web_session WHERE secret_hash = {} RETURNING account", secret_hash(secret)
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
        """The account's sessions in force, the one used last first."""
        rows = await self._database.fetch(
            "SELECT id AS session_id, created_ms, last_seen_ms, expires_ms, address, user_agent"
            " FROM web_session WHERE account = {} AND expires_ms BETWEEN {} AND {}"
            " ORDER BY last_seen_ms DESC, id DESC LIMIT {} OFFSET {}",
            account_id,
            *_in_force(self._clock.now_ms()),
            limit,
            offset,
        )
        views = [
            SessionView(
                **row | {"last_seen_ms": self._last_use.latest(row["session_id"], row["last_seen_ms"])}
            )
            for row in rows
        ]
        return tuple(sorted(views, key=lambda view: (view.last_seen_ms, view.session_id), reverse=True))

    async def count(self, account_id: int) -> int:
        """How many sessions of the account are in force."""
        rows = await self._database.fetch(
            "SELECT COUNT(*) AS total FROM web_session WHERE account = {} AND expires_ms BETWEEN {} AND {}",
            account_id,
            *_in_force(self._clock.now_ms()),
        )
        return int(rows[0]["total"])


def _in_force(now_ms: int) -> tuple[int, int]:
    """Between which times a session ends that is in force; a clock set back by less than a day ends none."""
    return now_ms + 1, now_ms + LIFETIME_MS + MAX_STEP_MS


def _identity(row: dict[str, Any]) -> Identity:
    is_admin = bool(row["is_admin"])
    tier = effective_tier(row["tier"], is_admin=is_admin)
    return Identity(row["id"], row["username"], tier, is_admin)


def _storable(text: str, max_characters: int) -> str:
    """What a client sent about itself, cut to length and without what PostgreSQL cannot store."""
    return text[: 2 * max_characters].replace("\0", "").encode("utf-8", "replace").decode()[:max_characters]
