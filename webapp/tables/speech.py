"""Speech: what is to be spoken."""

from piccolo.columns import (
    BigInt,
    Bytea,
    DoublePrecision,
    ForeignKey,
    Integer,
    OnDelete,
    Serial,
    Text,
    Varchar,
)
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
    # JSON of webapp.policy.speech.SpeechOptions; empty for the usual ones.
    options = Text(default="")

    # wav | flac | ogg | mp3 while it is heard as it is spoken; empty where nobody listens yet.
    stream_format = Varchar(length=4, default="")
    # How far it is; 0 of 0 until that is known. Only long and streamed texts tell.
    sentences = Integer(default=0)
    sentences_done = Integer(default=0)

    # The lease: who holds it, until when, and the fencing number of the claim.
    worker_id = Varchar(length=64, null=True, default=None)
    lease_expires_ms = BigInt(null=True, default=None)
    fence = BigInt(default=0)
    lost_workers = Integer(default=0)

    # Of a failed one: why, where the text itself is the reason; empty where it is not.
    refusal = Varchar(length=100, default="")
    duration_s = DoublePrecision(null=True, default=None)
    finished_ms = BigInt(null=True, default=None)


class SpeechPiece(Table, tablename="speech_piece"):
    """A piece of an encoded stream, from when it is spoken until it was heard or is an hour old.

    The same request has the same pieces, whichever worker writes them.
    """

    id: Serial
    request = ForeignKey(SpeechRequest, on_delete=OnDelete.cascade)
    number = Integer()
    data = Bytea()
    created_ms = BigInt()
