"""Sounds that were sent in, and are kept for a day."""

from piccolo.columns import BigInt, Boolean, DoublePrecision, ForeignKey, Integer, OnDelete, Varchar
from piccolo.table import Table

from webapp.tables.accounts import Account


class Upload(Table):
    """A sound that an account sent in, decoded; its group has one file, `sound.flac`.

    The row is there before the first byte arrives, so that limits hold exactly; it is not ready until the
    files are. What is never ready expires like all others.
    """

    upload_id = Varchar(length=20, primary_key=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade)
    storage_key = Varchar(length=64, unique=True)
    created_ms = BigInt()
    expires_ms = BigInt(index=True)
    is_ready = Boolean(default=False)
    # What was sent: wav | flac | ogg | mp3 | webm; empty until it is ready.
    kind = Varchar(length=8, default="")
    duration_s = DoublePrecision(default=0.0)
    sample_rate = Integer(default=0)
    channels = Integer(default=0)
    bytes_total = BigInt(default=0)
