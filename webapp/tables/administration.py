"""The record of admins' actions."""

from piccolo.columns import BigInt, Serial, Varchar
from piccolo.table import Table


class AdminAction(Table, tablename="admin_action"):
    """One line of the append-only record of what admins did to what is not theirs alone.

    No foreign keys: the record outlives accounts and jobs.
    """

    id: Serial
    at_ms = BigInt()
    author = Varchar(length=32)
    action = Varchar(length=32)
    # A job's id, a username, a worker's id, a model's name; empty for the queue as a whole.
    subject = Varchar(length=100, default="")
    detail = Varchar(length=300, default="")
