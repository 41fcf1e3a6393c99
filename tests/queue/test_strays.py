"""Which files a start removes, and which it never touches."""

from pathlib import Path

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.storage import local

WORKER = "1" * 12


async def _publish(services: Services, key: str) -> None:
    staged: Path = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    await services.storage.publish(key, staged)


async def _claim(services: Services, make_account: MakeAccount, name: str) -> Claim:
    identity = await make_account(name)
    await services.queue.submissions.submit(identity, choice())
    claim = await services.queue.leases.claim(WORKER, frozenset())
    assert claim is not None
    return claim


async def test_only_files_of_lost_claims_of_known_jobs_are_removed(
    services: Services, make_account: MakeAccount
) -> None:
    lost = await _claim(services, make_account, "ann")
    await _publish(services, lost.storage_key)
    await services.queue.leases.take_back_from(WORKER)
    again = await services.queue.leases.claim(WORKER, frozenset())
    assert again is not None
    await _publish(services, again.storage_key)
    await services.queue.leases.complete(again, FACTS)
    held = await _claim(services, make_account, "bob")
    await _publish(services, held.storage_key)
    unknown = f"{'f' * 20}-1"
    await _publish(services, unknown)

    assert await services.library.files.remove_strays() == (1, 1)
    assert set(await services.storage.keys()) == {again.storage_key, held.storage_key, unknown}


async def test_another_database_costs_no_sound(services: Services) -> None:
    keys = {f"{number:020x}-1" for number in range(5)}
    for key in keys:
        await _publish(services, key)
    assert await services.library.files.remove_strays() == (0, 5)
    assert set(await services.storage.keys()) == keys


class _CutShort(Exception):
    """Where a crash would be."""


@pytest.mark.parametrize("what", ["sound", "account"])
async def test_a_deletion_that_is_cut_short_is_carried_on(
    services: Services, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    claim = await _claim(services, make_account, "ann")
    await _publish(services, claim.storage_key)
    await services.queue.leases.complete(claim, FACTS)
    ann = await services.accounts.registry.identity(claim.account_id)
    # As an imported sound is: no job tells of its files.
    await services.database.fetch("UPDATE sound SET job = NULL")
    await services.database.fetch("DELETE FROM job")

    async def cut_short(_: object, key: str) -> None:
        raise _CutShort(key)

    deletion = (
        services.library.publishing.delete(ann, claim.generation_id)
        if what == "sound"
        else services.accounts.deletion.delete(ann.account_id)
    )
    with monkeypatch.context() as patched:
        patched.setattr(type(services.storage), "delete", cut_short)
        with pytest.raises(_CutShort):
            await deletion
    assert set(await services.storage.keys()) == {claim.storage_key}
    assert await services.library.files.remove_strays() == (1, 0)
    assert set(await services.storage.keys()) == set()


async def test_a_storage_of_many_shares_is_looked_through_whole(
    services: Services, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SHARED_KEYS", 2)
    lost = [await _claim(services, make_account, f"user{number}") for number in range(6)]
    kept = await _claim(services, make_account, "ann")
    for claim in (*lost, kept):
        await _publish(services, claim.storage_key)
    await services.queue.leases.complete(kept, FACTS)
    await services.queue.leases.take_back_from(WORKER)
    shares = [share async for share in services.storage.key_shares()]
    assert len(shares) > 1
    assert set().union(*shares) == set(await services.storage.keys())
    assert await services.library.files.remove_strays() == (len(lost), 0)
    assert set(await services.storage.keys()) == {kept.storage_key}
