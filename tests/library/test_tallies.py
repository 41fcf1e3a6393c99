"""Sums over sounds are kept, and are always what adding up anew would give."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import FACTS, MakeAccount
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.policy.library.fields import LIBRARY_MODELS, LibraryQuery, SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.services.library.adding import NewSound, add_sound
from webapp.services.shared.tallies import fold
from webapp.settings import Settings
from webapp.storage import LocalStorage

STEPS = 120


class Library:
    """Owners and an admin who add, change and delete sounds at random."""

    def __init__(self, services: Services, root: Identity, make_account: MakeAccount, seed: int) -> None:
        self._services = services
        self._root = root
        self._make_account = make_account
        self._chance = random.Random(seed)
        self._ids = SeededIds(1000 + seed)
        self.owners: list[Identity] = []
        self.sounds: dict[str, Identity] = {}

    async def join(self) -> None:
        self.owners.append(await self._make_account(f"owner{self._ids.job_id()}"))

    async def leave(self) -> None:
        owner = self._chance.choice(self.owners)
        self.owners.remove(owner)
        await self._services.accounts.deletion.delete(owner.account_id)
        self.sounds = {sound: one for sound, one in self.sounds.items() if one != owner}

    async def add(self) -> None:
        owner, sound_id = self._chance.choice(self.owners), self._ids.generation_id()
        new = NewSound(
            sound_id,
            owner.account_id,
            f"{sound_id}-1",
            self._chance.choice(LIBRARY_MODELS),
            "rain",
            is_loopable=False,
            is_public=self._chance.random() < 0.5,
        )
        async with self._services.database.transaction():
            facts = replace(FACTS, bytes_total=self._chance.randrange(1, 5000))
            await add_sound(new, facts, self._services.clock.now_ms())
        self.sounds[sound_id] = owner

    async def publish(self) -> None:
        sound_id, owner = self._chance.choice(list(self.sounds.items()))
        change = SoundChange(is_public=self._chance.random() < 0.5, title=self._chance.choice((None, "hail")))
        await self._services.library.publishing.change(owner, sound_id, change)

    async def moderate(self) -> None:
        moderation = self._services.library.moderation
        act = self._chance.choice((moderation.hide, moderation.restore))
        await act(self._root, self._chance.choice(list(self.sounds)))

    async def delete(self) -> None:
        chosen = self._chance.sample(list(self.sounds), min(len(self.sounds), self._chance.randrange(1, 4)))
        await self._services.library.publishing.delete_all(self._root, chosen)
        for sound_id in chosen:
            del self.sounds[sound_id]

    async def fold(self) -> None:
        await fold(self._services.database)

    async def step(self) -> None:
        """Do any of these that can be done."""
        acts: dict[Callable[[], Awaitable[None]], int] = {self.join: 1, self.fold: 2}
        if self.owners:
            acts |= {self.add: 8, self.leave: 1}
        if self.sounds:
            acts |= {self.publish: 4, self.moderate: 3, self.delete: 2}
        (act,) = self._chance.choices(list(acts), list(acts.values()))
        await act()


async def _kept(database: Database) -> dict[str, tuple[int, int]]:
    rows = await database.fetch("SELECT name, bytes, sounds FROM tally")
    total: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for row in rows:
        total[row["name"]] += row["bytes"]
        count[row["name"]] += row["sounds"]
    return {name: (total[name], count[name]) for name in count if count[name] or total[name]}


async def _recomputed(database: Database) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for row in await database.fetch("SELECT account, bytes_total FROM sound"):
        for name in ("stored", f"stored/{row['account']}"):
            total, count = sums.get(name, (0, 0))
            sums[name] = (total + row["bytes_total"], count + 1)
    for row in await database.fetch("SELECT model FROM library_item WHERE is_public AND NOT is_hidden"):
        name = f"listed/{row['model']}"
        sums[name] = (0, sums.get(name, (0, 0))[1] + 1)
    return sums


@pytest.fixture
async def root(make_account: MakeAccount) -> Identity:
    return await make_account("root", is_admin=True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_they_are_what_adding_up_gives_after_every_step(
    services: Services, root: Identity, make_account: MakeAccount, seed: int
) -> None:
    library = Library(services, root, make_account, seed)
    for _ in range(STEPS):
        await library.step()
        assert await _kept(services.database) == await _recomputed(services.database)
    for act in (library.join, library.add, library.add, library.fold):
        await act()
        assert await _kept(services.database) == await _recomputed(services.database)
    rows = await services.database.fetch("SELECT name FROM tally")
    assert len(rows) == len({row["name"] for row in rows}), "each has one row"


async def test_readers_get_them(services: Services, root: Identity, make_account: MakeAccount) -> None:
    library = Library(services, root, make_account, seed=3)
    await library.join()
    for _ in range(12):
        await library.add()
    (owner,) = library.owners
    expected = await _recomputed(services.database)
    listed = {model: expected.get(f"listed/{model}", (0, 0))[1] for model in LIBRARY_MODELS}
    assert sum(listed.values()) > 0
    for _ in range(2):
        usage = await services.accounts.usage.of(owner.account_id, owner.tier)
        assert usage.storage_bytes.used == expected[f"stored/{owner.account_id}"][0]
        assert await services.library.browse.counts() == listed
        for query in (LibraryQuery(), LibraryQuery(model="voice"), LibraryQuery(min_duration_s=1)):
            page = await services.library.browse.public(query)
            assert page.total == len(page.items)
        await fold(services.database)


async def test_many_at_once_neither_lose_a_change_nor_deadlock(
    services: Services,
    other_database: Database,
    clock: ManualClock,
    ids: SeededIds,
    tmp_path: Path,
    root: Identity,
    make_account: MakeAccount,
) -> None:
    settings: Settings = services.settings
    elsewhere = build_services(settings, other_database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)
    libraries = [
        Library(server, root, make_account, seed) for seed, server in enumerate((services, elsewhere), 10)
    ]
    for library in libraries:
        await library.join()
        await library.join()

    async def some(library: Library) -> None:
        for _ in range(20):
            await library.add()
            await library.publish()
            if len(library.sounds) > 6:
                await library.delete()
            await library.fold()

    async with asyncio.timeout(60):
        await asyncio.gather(*(some(library) for library in libraries))
    assert await _kept(services.database) == await _recomputed(services.database)
