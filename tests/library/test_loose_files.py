"""Files on their way to a sound, or away from one: none is left behind, none is taken from a sound."""

from pathlib import Path

import pytest

from tests.factories import FACTS, MakeAccount, choice
from tests.library.conftest import FILES, MakeSound
from webapp.clock import ManualClock
from webapp.errors import StorageAway, Unavailable
from webapp.policy.library.fields import SoundChange
from webapp.policy.library.imports import SoundEntry
from webapp.services.container import Services
from webapp.services.shared.loose_files import WRITTEN_WITHIN_MS

SOUND_ID = "e" * 20
WORKER = "1" * 12


async def _loose(services: Services) -> list[str]:
    rows = await services.database.fetch("SELECT storage_key FROM loose_files ORDER BY storage_key")
    return [row["storage_key"] for row in rows]


def _staged(services: Services) -> Path:
    staged = services.storage.staging_folder()
    for name in FILES:
        (staged / name).write_bytes(b"RIFF")
    return staged


def _entry() -> SoundEntry:
    return SoundEntry(id=SOUND_ID, prompt="rain", model="music", created_at="2026-01-01T00:00:00Z", files=[])


async def _import(services: Services, account_id: int) -> bool:
    return await services.library.importer.add(
        account_id, _entry(), SoundChange(), FACTS, _staged(services), created_ms=0, is_public=False
    )


async def test_an_imported_sound_has_its_files(
    services: Services, clock: ManualClock, make_account: MakeAccount
) -> None:
    ann = await make_account()
    assert await _import(services, ann.account_id)
    assert await _loose(services) == []
    clock.advance_s(1)
    assert not await _import(services, ann.account_id)
    assert await _loose(services) == []
    assert len(await services.storage.keys()) == 1
    assert await services.library.files.remove_strays() == (0, 0)


@pytest.mark.parametrize("is_late", [False, True])
async def test_an_import_whose_files_were_given_up_adds_no_sound(
    services: Services,
    clock: ManualClock,
    make_account: MakeAccount,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_late: bool,
) -> None:
    """Another host's server takes them for left over, because they take so long to store."""
    ann, publish = await make_account(), services.storage.publish

    async def slow(key: str, staged: Path) -> None:
        if not is_late:
            await publish(key, staged)
        assert await services.library.files.remove_strays() == (0, 0)
        clock.advance_s(WRITTEN_WITHIN_MS / 1000)
        assert await services.library.files.remove_strays() == (1, 0)
        if is_late:
            await publish(key, staged)

    monkeypatch.setattr(services.storage, "publish", slow)
    with pytest.raises(Unavailable, match=f"{SOUND_ID} took too long"):
        await _import(services, ann.account_id)
    assert await services.database.fetch("SELECT 1 FROM sound") == []
    assert list(await services.storage.keys()) == []


async def test_a_sounds_own_files_are_not_removed(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    """As if an import of the same sound had taken the same key."""
    await make_sound(await make_account())
    (key,) = await services.storage.keys()
    await services.database.fetch("INSERT INTO loose_files (storage_key, until_ms) VALUES ({}, 0)", key)
    await services.library.files.remove_loose()
    assert list(await services.storage.keys()) == [key]
    assert await _loose(services) == []


async def test_what_is_deleted_while_the_storage_is_away_goes_once_it_is_back(
    services: Services, make_account: MakeAccount, make_sound: MakeSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await make_account()
    sound_ids = [await make_sound(ann) for _ in range(2)]

    async def away(_: str) -> None:
        raise StorageAway("gone")

    with monkeypatch.context() as patched:
        patched.setattr(services.storage, "delete", away)
        assert await services.library.publishing.delete_all(ann, sound_ids) == 2
        assert await services.library.files.remove_loose() == 0
    assert len(await _loose(services)) == len(await services.storage.keys()) == 2
    assert await services.library.files.remove_loose() == 2
    assert await _loose(services) == list(await services.storage.keys()) == []


async def test_what_a_worker_writes_for_a_deleted_account_goes_once_nobody_can_be_writing(
    services: Services, clock: ManualClock, make_account: MakeAccount
) -> None:
    ann = await make_account()
    await services.queue.submissions.submit(ann, choice())
    claim = await services.queue.leases.claim(WORKER, frozenset())
    assert claim is not None
    await services.accounts.deletion.delete(ann.account_id)
    # The worker has not noticed yet, and ends before it does.
    await services.storage.publish(claim.storage_key, _staged(services))
    assert await services.library.files.remove_loose() == 0
    clock.advance_s(WRITTEN_WITHIN_MS / 1000)
    assert await services.library.files.remove_strays() == (1, 0)
    assert list(await services.storage.keys()) == []
    assert await _loose(services) == []
