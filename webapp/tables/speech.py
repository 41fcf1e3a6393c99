"""Speech: what is to be spoken."""

from piccolo.columns import BigInt, DoublePrecision, ForeignKey, Integer, OnDelete, Text, Varchar
from piccolo.table import Table

from webapp.tables.accounts import Account


class SpeechRequest(Table, tablename="speech_request"):
    """One text to be spoken, from its acceptance until a day after its end.

    Without an account it is the sample of a voice, of which there is one, and which stays.
    """

    request_id = Varchar(length=12, primary_key=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    generation_id = Varchar(length=20, unique=True)
    # queued | processing | completed | failed
    status = Varchar(length=12, default="queued")
    created_ms = BigInt()

    text = Text()
    voice = Varchar(length=100)
    speed = DoublePrecision(default=1.0)

    # The lease: who holds it, until when, and the fencing number of the claim.
    worker_id = Varchar(length=64, null=True, default=None)
    lease_expires_ms = BigInt(null=True, default=None)
    fence = BigInt(default=0)
    lost_workers = Integer(default=0)

    # Of a failed one: why, where the text itself is the reason; empty where it is not.
    refusal = Varchar(length=100, default="")
    duration_s = DoublePrecision(null=True, default=None)
    finished_ms = BigInt(null=True, default=None)
