"""The record of admins' actions, and what servers do among themselves."""

from piccolo.columns import BigInt, Integer, Serial, Varchar
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


class Duty(Table):
    """Work that one server of many does every so often: see webapp.services.shared.duties."""

    name = Varchar(length=32, primary_key=True)
    # From then on it is due again.
    next_ms = BigInt(default=0)


class HeldConnections(Table, tablename="held_connections"):
    """The open connections of one holder at a server: see webapp.services.shared.held_connections."""

    id: Serial
    server = Varchar(length=32)
    # account/7, address/192.0.2.1
    holder = Varchar(length=80)
    held = Integer(default=0)
    expires_ms = BigInt(default=0)
