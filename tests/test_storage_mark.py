"""Storage and database that belong together, and those that do not: no process starts with the latter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound, make_sound  # noqa: F401 found by its name here
from webapp.database import Database
from webapp.errors import SettingsError
from webapp.services.shared.storage_mark import StorageMarks
from webapp.storage import LocalStorage, Storage
from webapp.storage.names import MARK_NAME

MakeMarks = Callable[..., StorageMarks]


@pytest.fixture
def marks(database: Database, storage: Storage) -> MakeMarks:
    def make(other: Storage | None = None, *, are_inseparable: bool = False) -> StorageMarks:
        return StorageMarks(database, other or storage, are_inseparable=are_inseparable)

    return make


@pytest.fixture
def elsewhere(tmp_path: Path) -> LocalStorage:
    """A storage in another folder."""
    return LocalStorage(tmp_path / "elsewhere")


async def test_the_first_start_marks_both_and_later_ones_agree(marks: MakeMarks, storage: Storage) -> None:
    await marks().require("one")
    await marks().require("two")
    assert await storage.mark() == "one"


async def test_a_folder_of_its_own_is_refused_in_plain_words(
    marks: MakeMarks, elsewhere: LocalStorage
) -> None:
    await marks().require("one")
    with pytest.raises(SettingsError, match=r"not the one of this database: it has no storage\.id") as raised:
        await marks(elsewhere).require("two")
    assert elsewhere.location in str(raised.value)
    assert "SOUNDLOOM_STORAGE_URL" in str(raised.value)
    assert await elsewhere.mark() == ""
    # As it says: with that text there, it is the storage.
    (Path(elsewhere.location) / MARK_NAME).write_text("one\n")
    await marks(elsewhere).require("two")


async def test_another_databases_storage_is_refused(marks: MakeMarks, elsewhere: LocalStorage) -> None:
    await elsewhere.write_mark("theirs")
    with pytest.raises(SettingsError, match="belongs to another database"):
        await marks(elsewhere).require("one")
    await marks().require("one")
    with pytest.raises(SettingsError, match=r"storage\.id says theirs, and not one"):
        await marks(elsewhere).require("two")


async def test_a_start_that_was_cut_short_is_gone_on_with(
    marks: MakeMarks, storage: Storage, elsewhere: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_short(*_: object) -> str:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(type(storage), "write_mark", cut_short)
        with pytest.raises(ConnectionError):
            await marks().require("one")
    # Nothing is certain yet, so any storage may be the first.
    await marks(elsewhere).require("two")
    assert await elsewhere.mark() == "one"
    with pytest.raises(SettingsError):
        await marks().require("three")


async def test_a_storage_of_before_the_marks_is_known_by_its_sounds(
    marks: MakeMarks,
    storage: Storage,
    elsewhere: LocalStorage,
    make_account: MakeAccount,
    make_sound: MakeSound,  # noqa: F811
) -> None:
    await make_sound(await make_account())
    with pytest.raises(SettingsError, match=r"it has no storage\.id"):
        await marks(elsewhere).require("one")
    await marks().require("two")
    assert await storage.mark() == "one"


async def test_a_copy_without_the_mark_is_known_by_its_sounds(
    marks: MakeMarks,
    storage: Storage,
    tmp_path: Path,
    make_account: MakeAccount,
    make_sound: MakeSound,  # noqa: F811
) -> None:
    await marks().require("one")
    await make_sound(await make_account())
    (tmp_path / MARK_NAME).unlink()
    await marks().require("two")
    assert await storage.mark() == "one"


async def test_a_database_in_the_same_folder_needs_no_proof(
    marks: MakeMarks, storage: Storage, tmp_path: Path
) -> None:
    await marks(are_inseparable=True).require("one")
    (tmp_path / MARK_NAME).unlink()
    await marks(are_inseparable=True).require("two")
    assert await storage.mark() == "one"


async def test_a_restore_takes_the_storage_that_is_there(marks: MakeMarks, elsewhere: LocalStorage) -> None:
    """The database is new, or the storage is."""
    await elsewhere.write_mark("theirs")
    await marks(elsewhere).require("one", begins_anew=True)
    await marks(elsewhere).require("two")
    with pytest.raises(SettingsError):
        await marks().require("three")
    await marks().require("three", begins_anew=True)


async def test_a_restore_does_not_take_another_databases_storage(
    marks: MakeMarks, elsewhere: LocalStorage
) -> None:
    await marks().require("one")
    await elsewhere.write_mark("theirs")
    with pytest.raises(SettingsError, match="belongs to another database"):
        await marks(elsewhere).require("two", begins_anew=True)
