"""The pieces of streams, in the database: speech workers write them, web processes on any host read them."""

from collections.abc import Iterable
from typing import Final

from webapp.policy.moments import SKEW_MS
from webapp.tables import SpeechPiece

# Longer than the longest sound: a listener reads as slowly as it plays.
KEPT_FOR_MS: Final = 3_600_000


async def add(request_id: str, numbered: Iterable[tuple[int, bytes]], now_ms: int) -> None:
    """Add pieces by their numbers; the empty one ends a stream. The caller opens the transaction.

    Those that an earlier worker wrote are there already, and the same.
    """
    rows = [
        SpeechPiece(request=request_id, number=number, data=data, created_ms=now_ms)
        for number, data in numbered
    ]
    if rows:
        await SpeechPiece.insert(*rows).on_conflict(action="DO NOTHING")


async def read(request_id: str, number: int) -> bytes | None:
    """Return one piece; None where it is not there."""
    row = await (
        SpeechPiece.select(SpeechPiece.data)
        .where(SpeechPiece.request == request_id, SpeechPiece.number == number)
        .first()
    )
    return bytes(row["data"]) if row else None


async def remove(request_id: str) -> None:
    """Remove the pieces of a stream that was heard to its end."""
    await SpeechPiece.delete().where(SpeechPiece.request == request_id)


async def remove_old(now_ms: int) -> None:
    """Remove the pieces that nobody heard to the end."""
    await SpeechPiece.delete().where(
        # One far ahead was written before a clock was set back.
        (SpeechPiece.created_ms < now_ms - KEPT_FOR_MS) | (SpeechPiece.created_ms > now_ms + SKEW_MS)
    )
