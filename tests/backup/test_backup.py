"""Backups: taken while others write, put back on either database, and refused when something is wrong."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from sqlite3 import IntegrityError

import pytest

from tests.backup.conftest import Elsewhere
from tests.factories import MakeAccount, choice
from tests.library.conftest import MakeSound
from tests.stored import stored_path
from webapp.errors import Conflict, InvalidRequest
from webapp.policy.library.fields import LibraryQuery
from webapp.services.accounts.identity import Identity
from webapp.services.backup import back_up, restore
from webapp.services.backup.layout import MANIFEST, backed_up_tables, digest_of
from webapp.services.container import Services
from webapp.storage import CopiedFile
from webapp.storage.names import FILE_NAMES
from webapp.storage.storage import Wanted

LEFT_OUT = {
    "weights_folder",
    "weights_copy",
    "storage_mark",
    "loose_files",
    "invitation",
    "duty",
    "held_connections",
    "tally",
    "upload",
}
DERIVED = {"library_listed", "library_search", "migration", "worker", "setup_link"}


def _tables(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "tables").iterdir()}


async def _files(services: Services) -> dict[str, bytes]:
    return {
        f"{key}/{name}": stored_path(services, key, name).read_bytes()
        for key in await services.storage.keys()
        for name in ("sound.wav", "sound.mp3", "spectrogram.png")
    }


async def test_a_backup_put_back_elsewhere_is_the_same(
    services: Services, ann: Identity, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    done = await back_up(services.backup, tmp_path / "one")
    assert (done.sounds, done.files) == (2, 10)
    files, counts = await _files(services), await services.library.browse.counts()
    async with elsewhere() as other:
        restored = await restore(other.backup, tmp_path / "one")
        assert (restored.sounds, restored.rows) == (2, done.rows)
        await back_up(other.backup, tmp_path / "two")
        assert await _files(other) == files
        # What is derived from the rows is there as well.
        found = await other.library.browse.public(LibraryQuery(search="UBER rain"))
        assert [(item.upvotes, item.plays, item.tags) for item in found.items] == [(2, 1, ("wet",))]
        assert await other.library.browse.counts() == counts
        assert (await other.queue.submissions.submit(ann, choice())).job_id
    assert _tables(tmp_path / "one") == _tables(tmp_path / "two")


async def test_what_is_there_is_replaced_when_told(
    services: Services, ann: Identity, make_account: MakeAccount, make_sound: MakeSound, tmp_path: Path
) -> None:
    files = await _files(services)
    await back_up(services.backup, tmp_path / "one")
    with pytest.raises(Conflict, match="--replace"):
        await restore(services.backup, tmp_path / "one")
    carol = await make_account("carol")
    await make_sound(carol, "later")
    mine = await services.library.browse.own(ann, LibraryQuery())
    await services.library.publishing.delete(ann, mine.items[0].sound_id)
    await restore(services.backup, tmp_path / "one", replace=True)
    assert await _files(services) == files
    await back_up(services.backup, tmp_path / "two")
    assert _tables(tmp_path / "one") == _tables(tmp_path / "two")
    assert (await services.library.browse.public(LibraryQuery(search="later"))).total == 0
    # New rows get numbers of their own, on PostgreSQL too.
    await make_sound(await make_account("dora"), "new")


async def test_sounds_that_come_and_go_while_it_is_taken(
    services: Services,
    ann: Identity,
    make_sound: MakeSound,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the tables' moment one is deleted and two are added; after it two are deleted, one is added."""
    deleted_before, deleted_after = [await make_sound(ann, prompt) for prompt in ("before", "after")]
    delete, copy_out = services.library.publishing.delete, services.storage.copy_out
    added: list[str] = []

    async def spied(wanted: Wanted, target: Path) -> Mapping[str, Sequence[CopiedFile]]:
        if not added:
            # The first files are about to be copied; the tables are read when all are.
            await delete(ann, deleted_before)
            added.extend([await make_sound(ann, prompt) for prompt in ("added", "added and deleted")])
        else:
            # What was added is copied once the tables are read.
            await delete(ann, added[1])
            await delete(ann, deleted_after)
            added.append(await make_sound(ann, "too late"))
        return await copy_out(wanted, target)

    monkeypatch.setattr(services.storage, "copy_out", spied)
    await back_up(services.backup, tmp_path / "one")
    monkeypatch.undo()
    assert len(added) == 3
    gone = json.loads((tmp_path / "one" / MANIFEST).read_text())["gone"]
    assert [key.partition("-")[0] for key in gone] == [added[1]]
    await restore(services.backup, tmp_path / "one", replace=True)
    prompts = [item.prompt for item in (await services.library.browse.own(ann, LibraryQuery())).items]
    assert prompts == ["added", "after", "secret", "calm rain"]
    rows = await services.database.fetch("SELECT storage_key FROM sound")
    assert {row["storage_key"] for row in rows} == set(await services.storage.keys())


@pytest.mark.parametrize("what", ["manifest", "table", "file", "file gone", "layout", "columns"])
async def test_a_damaged_backup_changes_nothing(
    services: Services, ann: Identity, tmp_path: Path, what: str
) -> None:
    one = tmp_path / "one"
    await back_up(services.backup, one)
    manifest = json.loads((one / MANIFEST).read_text())
    sound = next((one / "sounds").glob("*/sound.wav"))
    if what == "manifest":
        (one / MANIFEST).unlink()
    elif what == "table":
        (one / "tables" / "account.jsonl").write_text("[]\n")
    elif what == "file":
        sound.write_bytes(b"x")
    elif what == "file gone":
        sound.unlink()
    elif what == "layout":
        (one / MANIFEST).write_text(json.dumps(manifest | {"migrations": ["2030"]}))
    else:
        manifest["tables"][0]["columns"][0][0] = 'id") VALUES (1) --'
        (one / MANIFEST).write_text(json.dumps(manifest))
    before = await services.database.fetch("SELECT * FROM job ORDER BY job_id")
    with pytest.raises(InvalidRequest):
        await restore(services.backup, one, replace=True)
    assert await services.database.fetch("SELECT * FROM job ORDER BY job_id") == before


@pytest.mark.parametrize("name", ["../../../planted", "sound.sh"])
async def test_a_backup_writes_nothing_but_files_of_sounds(
    services: Services, ann: Identity, tmp_path: Path, name: str
) -> None:
    one = tmp_path / "one"
    await back_up(services.backup, one)
    key = next((one / "sounds").iterdir())
    (key / name).write_bytes(b"mine")
    entry = {"key": key.name, "name": name, "size": 4, "sha256": digest_of(key / name)}
    with (one / "files.jsonl").open("a") as files:
        files.write(json.dumps(entry) + "\n")
    manifest = json.loads((one / MANIFEST).read_text())
    changed = manifest | {"files": manifest["files"] + 1, "files_sha256": digest_of(one / "files.jsonl")}
    (one / MANIFEST).write_text(json.dumps(changed))
    with pytest.raises(InvalidRequest, match="no sound's"):
        await restore(services.backup, one, replace=True)


async def test_rows_that_cannot_be_leave_everything_as_it_was(
    services: Services, ann: Identity, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    one = tmp_path / "one"
    await back_up(services.backup, one)
    rows = one / "tables" / "account.jsonl"
    rows.write_text(rows.read_text().splitlines()[0] + "\n")
    manifest = json.loads((one / MANIFEST).read_text())
    next(table for table in manifest["tables"] if table["name"] == "account")["sha256"] = digest_of(rows)
    (one / MANIFEST).write_text(json.dumps(manifest))
    async with elsewhere() as other:
        with pytest.raises(IntegrityError):
            await restore(other.backup, one)
        assert await other.accounts.registry.list() == ()
        assert await other.storage.keys() == set()
    # Tables are bound to the database that was opened last, so this one is asked by itself.
    rows_left = await services.database.fetch("SELECT id FROM account WHERE username = {}", "ann")
    assert [row["id"] for row in rows_left] == [ann.account_id]


async def test_running_workers_and_full_folders_are_refused(
    services: Services, ann: Identity, tmp_path: Path
) -> None:
    await back_up(services.backup, tmp_path / "one")
    with pytest.raises(Conflict, match="not empty"):
        await back_up(services.backup, tmp_path / "one")
    await services.workers.registry.register("c" * 12, host="here", pid=1, device="cpu")
    with pytest.raises(Conflict, match="worker"):
        await restore(services.backup, tmp_path / "one", replace=True)


async def test_every_table_is_backed_up_or_left_out_on_purpose(services: Services) -> None:
    names = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if services.database.dialect == "sqlite"
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    there = {row["name"] for row in await services.database.fetch(names)}
    # The full text keeps tables of its own.
    there = {name for name in there if not name.startswith("library_search_")}
    backed_up = {table._meta.tablename for table in backed_up_tables()}
    assert there - backed_up - DERIVED == LEFT_OUT


async def _lose(services: Services, *names: str) -> str:
    """Remove files of the first sound; its id."""
    key = min(await services.storage.keys())
    for name in names:
        stored_path(services, key, name).unlink()
    return key.partition("-")[0]


@pytest.mark.parametrize("names", [FILE_NAMES, ("sound.mp3",)])
async def test_a_sound_without_its_files_is_named_and_nothing_is_written(
    services: Services, ann: Identity, tmp_path: Path, names: tuple[str, ...]
) -> None:
    lost = await _lose(services, *names)
    with pytest.raises(
        Conflict, match=rf"1 sound lacks files: {lost} \({', '.join(names)}\).*--allow-missing"
    ):
        await back_up(services.backup, tmp_path / "one")
    assert not (tmp_path / "one").exists()


async def test_a_file_that_is_lost_while_it_is_taken_ends_a_backup(
    services: Services, ann: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_out = services.storage.copy_out

    async def spied(wanted: Wanted, target: Path) -> Mapping[str, Sequence[CopiedFile]]:
        stored_path(services, min(wanted), "sound.ogg").unlink(missing_ok=True)
        return await copy_out(wanted, target)

    monkeypatch.setattr(services.storage, "copy_out", spied)
    with pytest.raises(Conflict, match=r"sound\.ogg"):
        await back_up(services.backup, tmp_path / "one")
    assert not (tmp_path / "one" / MANIFEST).exists()


async def test_what_may_be_missing_is_told_and_comes_back_without_it(
    services: Services, ann: Identity, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    lost = await _lose(services, "sound.wav", "sound.mp3")
    made = await back_up(services.backup, tmp_path / "one", allow_missing=True)
    assert (made.sounds, made.files, made.missing) == (2, 8, {lost: ("sound.wav", "sound.mp3")})
    async with elsewhere() as other:
        with pytest.raises(InvalidRequest, match=f"not complete: 1 sound lacks files: {lost}"):
            await restore(other.backup, tmp_path / "one")
        assert await other.accounts.registry.list() == ()
        done = await restore(other.backup, tmp_path / "one", allow_missing=True)
        assert (done.gone, list(done.missing)) == (0, [lost])
        assert len(await other.storage.keys()) == 2
        # No sound is dropped for it.
        assert (await other.library.browse.own(ann, LibraryQuery())).total == 2


async def test_a_backup_that_hides_what_it_lacks_is_refused(
    services: Services, ann: Identity, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    one = tmp_path / "one"
    await back_up(services.backup, one)
    (one / "files.jsonl").write_text("")
    manifest = json.loads((one / MANIFEST).read_text())
    changed = manifest | {"files": 0, "files_sha256": digest_of(one / "files.jsonl")}
    # As some editors write it.
    (one / MANIFEST).write_text(json.dumps(changed), encoding="utf-8-sig")
    async with elsewhere() as other:
        with pytest.raises(InvalidRequest, match="not whole: 2 sounds lack files"):
            await restore(other.backup, one)
        assert await other.accounts.registry.list() == ()
