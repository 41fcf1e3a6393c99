"""Makes sure that storage and database belong together: both hold the same mark.

A second server with a folder of its own would otherwise start without a word: its sounds would be missing
everywhere else, and what it deletes would stay.
"""

from dataclasses import dataclass
from typing import Final

from webapp.database import Database
from webapp.errors import SettingsError
from webapp.storage import Storage
from webapp.storage.names import MARK_NAME
from webapp.tables import Sound, StorageMark

ONE: Final = 1
# So many of the latest sounds are looked for where a storage has no mark.
LOOKED_FOR: Final = 20
SETTINGS: Final = "SOUNDLOOM_STORAGE_URL and SOUNDLOOM_DATA_DIR"


@dataclass(frozen=True, slots=True)
class _Mark:
    text: str
    is_certain: bool


class StorageMarks:
    """Compares the marks of the database and of the storage, and gives new ones theirs."""

    def __init__(self, database: Database, storage: Storage, *, are_inseparable: bool) -> None:
        """`are_inseparable`: both lie in one folder, so neither can be another's."""
        self._database = database
        self._storage = storage
        self._are_inseparable = are_inseparable

    async def require(self, new_mark: str, *, begins_anew: bool = False) -> None:
        """Return if storage and database belong together; `new_mark` is for those that have none.

        `begins_anew`: one of them is new because the other is to be restored into it. Raises SettingsError,
        and StorageAway.
        """
        known = await self._known(new_mark)
        if known.is_certain and await self._storage.mark() == known.text:
            return
        # Under the row's lock, so that of two that begin with a storage each, one is refused.
        async with self._database.transaction():
            known = await self._locked()
            found = await self._storage.mark()
            if not found:
                if not (begins_anew or self._are_inseparable or await self._may_be_ours(known)):
                    raise SettingsError(_unmarked(self._storage.location, known.text))
                found = await self._storage.write_mark(known.text)
            if found != known.text and (known.is_certain or not begins_anew):
                raise SettingsError(_of_another(self._storage.location, found, known.text))
            await StorageMark.update({StorageMark.mark: found, StorageMark.is_certain: True}).where(
                StorageMark.id == ONE
            )

    async def _known(self, new_mark: str) -> _Mark:
        """Read the database's mark; one that has none gets this."""
        if not await StorageMark.exists().where(StorageMark.id == ONE):
            async with self._database.transaction():
                await StorageMark.insert(StorageMark(id=ONE, mark=new_mark)).on_conflict(action="DO NOTHING")
        (row,) = await StorageMark.select(StorageMark.mark, StorageMark.is_certain).where(
            StorageMark.id == ONE
        )
        return _Mark(row["mark"], bool(row["is_certain"]))

    async def _locked(self) -> _Mark:
        """Read the mark and lock its row, which a write does on both databases."""
        (row,) = await (
            StorageMark.update({StorageMark.swept_ms: StorageMark.swept_ms + 0})
            .where(StorageMark.id == ONE)
            .returning(StorageMark.mark, StorageMark.is_certain)
        )
        return _Mark(row["mark"], bool(row["is_certain"]))

    async def _may_be_ours(self, known: _Mark) -> bool:
        """Return whether a storage without a mark may get this database's.

        It may if it has one of the latest sounds, as after a copy that left the mark out. Where there are no
        sounds yet, the first storage gets it.
        """
        latest = Sound.select(Sound.storage_key).order_by(Sound.created_ms, ascending=False)
        keys = await latest.limit(LOOKED_FOR).output(as_list=True)
        if not keys:
            return not known.is_certain
        missing = await self._storage.missing(dict.fromkeys(keys, ("sound.wav",)))
        return len(missing) < len(keys)


def _unmarked(location: str, mark: str) -> str:
    return (
        f"The storage {location} is not the one of this database: it has no {MARK_NAME}. All servers, workers"
        f" and commands must use the same storage; set {SETTINGS} as for the others. If this is to be the"
        f" storage from now on, put a file {MARK_NAME} with the text {mark} there."
    )


def _of_another(location: str, found: str, mark: str) -> str:
    return (
        f"The storage {location} belongs to another database: its {MARK_NAME} says {found}, and not {mark}."
        f" Set {SETTINGS} to this database's storage, or SOUNDLOOM_DATABASE_URL to the storage's database."
    )
