"""Signed-in browsers."""

from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.ids import Ids, secret_hash
from webapp.policy.tiers import effective_tier
from webapp.services.identity import Identity
from webapp.services.row_ids import is_row_id
from webapp.tables import WebSession

LIFETIME_MS: Final = 30 * 86_400_000
NOTE_USE_EVERY_MS: Final = 60_000
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

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    async def create(
        self, account_id: int, *, address: str = "", user_agent: str = "", replacing: str | None = None
    ) -> str:
        """Open a session and return the secret for its cookie.

        `replacing` is the secret that the browser sent, if any; that session ends. So a secret planted
        in somebody's browser is worth nothing once they sign in.
        """
        secret = self._ids.secret()
        now_ms = self._clock.now_ms()
        async with self._database.transaction():
            if replacing is not None:
                await WebSession.delete().where(WebSession.secret_hash == secret_hash(replacing))
            await WebSession.delete().where(
                (WebSession.account == account_id) & (WebSession.expires_ms <= now_ms)
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
        return secret

    async def resolve(self, secret: str) -> SignedIn | None:
        """Who is signed in; None when the session is unknown, over or revoked, or its account is disabled."""
        now_ms = self._clock.now_ms()
        rows = await self._database.fetch(
            "SELECT web_session.id AS session_id, web_session.last_seen_ms, web_session.expires_ms,"
            " account.id, account.username, account.tier, account.is_admin"
            " FROM web_session JOIN account ON account.id = web_session.account"
            " WHERE web_session.secret_hash = {} AND web_session.expires_ms > {}"
            " AND account.is_disabled = {}",
            secret_hash(secret),
            now_ms,
            False,
        )
        if not rows:
            return None
        row = rows[0]
        expires_ms: int = row["expires_ms"]
        is_due = now_ms - row["last_seen_ms"] >= NOTE_USE_EVERY_MS
        if is_due:
            expires_ms = now_ms + LIFETIME_MS
            await self._renew(row["session_id"], now_ms, expires_ms)
        is_admin = bool(row["is_admin"])
        tier = effective_tier(row["tier"], is_admin=is_admin)
        return SignedIn(
            row["session_id"], Identity(row["id"], row["username"], tier, is_admin), expires_ms, is_due
        )

    async def end(self, secret: str) -> None:
        """Sign out: end the session with this secret, if there is one."""
        await WebSession.delete().where(WebSession.secret_hash == secret_hash(secret))

    async def revoke(self, account_id: int, session_id: int) -> None:
        """End one session of this account. Raises NotFound, for another account's session too."""
        own = (WebSession.id == session_id) & (WebSession.account == account_id)
        if not is_row_id(session_id) or not await WebSession.delete().where(own).returning(WebSession.id):
            raise NotFound("Session not found")

    async def revoke_others(self, account_id: int, keep_session_id: int | None) -> None:
        """End every session of this account but one; None ends them all."""
        query = WebSession.delete().where(WebSession.account == account_id)
        if keep_session_id is not None:
            query = query.where(WebSession.id != keep_session_id)
        await query

    async def list(self, account_id: int) -> tuple[SessionView, ...]:
        """The account's sessions in force, the one used last first."""
        rows = await self._database.fetch(
            "SELECT id AS session_id, created_ms, last_seen_ms, expires_ms, address, user_agent"
            " FROM web_session WHERE account = {} AND expires_ms > {} ORDER BY last_seen_ms DESC, id DESC",
            account_id,
            self._clock.now_ms(),
        )
        return tuple(SessionView(**row) for row in rows)

    async def _renew(self, session_id: int, now_ms: int, expires_ms: int) -> None:
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "UPDATE web_session SET last_seen_ms = {}, expires_ms = {} WHERE id = {}",
                now_ms,
                expires_ms,
                session_id,
            )


def _storable(text: str, max_characters: int) -> str:
    """What a client sent about itself, cut to length and without what PostgreSQL cannot store."""
    return text[: 2 * max_characters].replace("\0", "").encode("utf-8", "replace").decode()[:max_characters]
