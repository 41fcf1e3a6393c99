"""Answers that are given again when a request is repeated."""

from piccolo.columns import BigInt, ForeignKey, OnDelete, Text, Varchar
from piccolo.table import Table

from webapp.tables.accounts import Account


class IdempotencyKey(Table, tablename="idempotency_key"):
    """A key under which an account made a request that succeeded; written together with what it did."""

    # SHA-256 of the account's number and the key, and of the request: bounded, whatever was sent.
    key_hash = Varchar(length=64, primary_key=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    request_hash = Varchar(length=64)
    # JSON of what the service answered.
    answer = Text()
    created_ms = BigInt(index=True)
