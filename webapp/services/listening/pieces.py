"""Reads the pieces of streams, each once for all who listen at the same time."""

import asyncio
from collections import OrderedDict
from typing import Final

from webapp.policy.queue.live_sound import LiveSound, Piece, StreamFormat, piece_name
from webapp.services.shared.leases import storage_key
from webapp.storage.pieces import PieceStore

# Those who listen at the head of a stream get the newest pieces from here.
KEPT_BYTES: Final = 8 << 20


class PieceReader:
    """Reads pieces from the storage. Concurrent readers of a piece share one reading."""

    def __init__(self, store: PieceStore, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, str], Piece] = OrderedDict()
        self._size = 0
        self._reading: dict[tuple[str, str], asyncio.Task[Piece | None]] = {}

    async def get(self, live: LiveSound, stream_format: StreamFormat, index: int) -> Piece | None:
        """Return a piece of the present run; None while it is not there. Raises StorageAway and OSError."""
        key = storage_key(live.generation_id, live.fence)
        where = key, piece_name(live.discarded_takes, stream_format, index)
        if where in self._kept:
            self._kept.move_to_end(where)
            return self._kept[where]
        reading = self._reading.get(where)
        if reading is None:
            reading = self._reading[where] = asyncio.create_task(self._read(where))
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Shielded: one who leaves must not end the reading for the others.
        return await asyncio.shield(reading)

    async def _read(self, where: tuple[str, str]) -> Piece | None:
        try:
            stored = await self._store.get(*where)
        finally:
            del self._reading[where]
        if not stored:
            return None
        piece = Piece.unpacked(stored)
        self._keep(where, piece)
        return piece

    def _keep(self, where: tuple[str, str], piece: Piece) -> None:
        self._kept[where] = piece
        self._size += len(piece.data)
        while self._size > self._kept_bytes and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.data)
