"""Weights of models: which folders there are for them, and what each holds or is to hold."""

from piccolo.columns import BigInt, Serial, Text, Varchar
from piccolo.table import Table


class WeightsFolder(Table, tablename="weights_folder"):
    """A models folder on a worker's host, as the worker that looks after it last saw it."""

    id: Serial
    # Host and path, which tell it from all others.
    folder = Varchar(length=400, unique=True)
    host = Varchar(length=255)
    path = Varchar(length=4096)
    free_bytes = BigInt()
    seen_ms = BigInt()


class WeightsCopy(Table, tablename="weights_copy"):
    """A published checkpoint in one folder: what is there, what is asked for, and how far that is.

    No row means: not there, and nobody has asked.
    """

    id: Serial
    folder = Varchar(length=400)
    name = Varchar(length=64)
    # absent | waiting | fetching | installed | failed | cancelled | removing
    state = Varchar(length=12)
    # What an admin wants done: pull, remove, or nothing.
    wish = Varchar(length=8, default="")
    done_bytes = BigInt(default=0)
    total_bytes = BigInt(default=0)
    bytes_per_s = BigInt(default=0)
    error = Text(default="")
    # Who accepted the licence.
    accepted_by = Varchar(length=64, default="")
    asked_ms = BigInt(default=0)
