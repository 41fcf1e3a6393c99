"""Periodic work that one server of many does."""

from typing import Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.moments import SKEW_MS
from webapp.tables import Duty

DutyName = Literal[
    "lapsed leases",
    "silent workers",
    "loose files",
    "old hits",
    "tallies",
    "old uploads",
    "stream pieces",
]


class Duties:
    """Decides which server does what is to be done every so often, whoever is there.

    A row has the time from which the work is due again; the first server that comes after it moves it on. So
    a server that dies leaves nothing that must be released. Work that takes longer than its period may be
    done by two servers at once, and must bear that.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def is_ours(self, name: DutyName, *, every_s: float) -> bool:
        """Return whether this server is to do the work now; if so, it is due again `every_s` from now."""
        if self._database.dialect == "sqlite":
            # One server has the file to itself.
            return True
        now_ms, every_ms = self._clock.now_ms(), round(every_s * 1000)
        # One further ahead was written before the clock was set back.
        latest_ms = now_ms + every_ms + SKEW_MS
        # Checked first, so that those who come too early write nothing.
        if await Duty.exists().where(Duty.name == name, Duty.next_ms > now_ms, Duty.next_ms <= latest_ms):
            return False
        async with self._database.transaction(durable=False):
            taken = await (
                Duty.insert(Duty(name=name, next_ms=now_ms + every_ms))
                .on_conflict(
                    target=Duty.name,
                    action="DO UPDATE",
                    values=[Duty.next_ms],
                    where=(Duty.next_ms <= now_ms) | (Duty.next_ms > latest_ms),
                )
                .returning(Duty.name)
            )
        return bool(taken)
