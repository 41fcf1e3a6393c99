"""The storage's mark, and the files in it that have no sound."""

from piccolo.columns import BigInt, Boolean, Integer, Varchar
from piccolo.table import Table


class StorageMark(Table, tablename="storage_mark"):
    """The storage that belongs to this database; at most one row, with id 1.

    Storage and database hold the same mark, so that no process uses one with another's.
    """

    id = Integer(primary_key=True)
    mark = Varchar(length=64)
    # Whether the storage has been seen to hold the mark.
    is_certain = Boolean(default=False)
    # When the last look for stray files began.
    swept_ms = BigInt(default=0)


class LooseFiles(Table, tablename="loose_files"):
    """A group of files that is about to get a sound or to be deleted.

    Written before the files of an import are there, and together with the deletion of a sound's row, so that
    any process of any host can carry on what another one left.
    """

    storage_key = Varchar(length=64, primary_key=True)
    # From then on whoever was about to write has come to an end, and the files may go.
    until_ms = BigInt()
    # Whether the files are to go; no sound may get them any more.
    is_doomed = Boolean(default=False)
