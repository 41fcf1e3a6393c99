"""One database and the services over it, for tests that live through restarts."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.database.engines import engine_from
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.tables import Account
from webapp.web.housekeeping import repair

ACCOUNTS = (("ann", "free"), ("bob", "supporter"), ("cyd", "creator"), ("root", "admin"))
AURA = 12

T = TypeVar("T")


class World:
    """One database and one event loop, used by one run after the other."""

    def __init__(self, runner: asyncio.Runner, settings: Settings) -> None:
        self._runner = runner
        self.settings = settings
        self.clock = ManualClock()
        self.steps = 0
        self._seed = 0
        self.services = self.run(self._open())

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self._runner.run(awaited())

    def restart(self) -> None:
        """End every process and start one again on the same data."""
        self.close()
        self.services = self.run(self._open())
        self.run(repair(self.services))

    def close(self) -> None:
        self.run(self.services.database.close())

    def fetch(self, sql: str) -> list[dict[str, Any]]:
        return self.run(self.services.database.fetch(sql))

    async def _open(self) -> Services:
        database = Database(engine_from(self.settings))
        await database.open()
        self._seed += 1
        storage = LocalStorage(self.settings.data_path)
        ids = SeededIds(self._seed)
        return build_services(self.settings, database, LocalBus(self.clock), storage, self.clock, ids)

    async def begin(self) -> list[Identity]:
        """Forget everything and make the accounts anew."""
        services = self.services
        async with services.database.transaction():
            for table in ("admin_action", "aura_entry", "sound", "job", "worker", "throttle_hit", "account"):
                await services.database.fetch(f"DELETE FROM {table}")
            await services.database.fetch("UPDATE queue_state SET is_paused = false, next_sequence = 1")
            accounts = []
            for name, tier in ACCOUNTS:
                rows = await Account.insert(
                    Account(
                        username=name, username_key=name, password_hash="-", created_ms=self.clock.now_ms(),
                        tier="creator" if tier == "admin" else tier, is_admin=tier == "admin",
                    )
                )  # fmt: skip
                accounts.append(Identity(rows[0]["id"], name, tier, tier == "admin"))
                await services.accounts.aura.grant(rows[0]["id"], AURA, reason="test", author="root")
        return accounts
