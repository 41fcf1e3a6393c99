"""Passes news of a sound that is being made between workers and listeners, on the row of its job."""

from typing import Final

from piccolo.querystring import QueryString

from webapp.events import Event
from webapp.policy.queue.job_status import ACTIVE
from webapp.policy.queue.live_sound import LiveSound, StreamFormat, format_bit
from webapp.services.queue.leases import LEASED_JOBS, Claim
from webapp.services.queue.rows import live_sound
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.leases import LeaseStore, Values
from webapp.tables import Job

ACTIVE_STATES: Final = list(ACTIVE)
STATE: Final = (
    Job.generation_id, Job.fence, Job.discarded_takes, Job.is_audible, Job.stream_formats, Job.interruption,
)  # fmt: skip


class Runs:
    """Records that somebody listens, that something can be heard, and that a take was thrown away."""

    def __init__(self, base: Foundation) -> None:
        self._database = base.database
        self._bus = base.bus
        self._store = LeaseStore(base.database, base.clock, base.settings, LEASED_JOBS)

    async def want(self, job_id: str, live: LiveSound, stream_format: StreamFormat) -> None:
        """Have the worker encode a job's sound in a format, in this run and in further ones."""
        if live.is_wanted_in(stream_format):
            return
        # Raw: the builder has no operators on bits.
        formats = QueryString("stream_formats | {}", format_bit(stream_format))
        async with self._database.transaction(durable=False):
            await Job.update({Job.stream_formats: formats}).where(
                Job.job_id == job_id, Job.status.is_in(ACTIVE_STATES)
            )
        self._bus.publish(Event("job", job_id))

    async def state(self, claim: Claim) -> LiveSound:
        """Return what is known of a job's sound, above all the formats in which somebody listens."""
        row = await Job.select(*STATE).where(Job.job_id == claim.job_id).first()
        return LiveSound() if row is None else live_sound(row)

    async def can_be_heard(self, claim: Claim) -> None:
        """Record that there is something to hear. Raises LeaseLost."""
        await self._write(claim, {Job.is_audible: True})

    async def discard_take(self, claim: Claim, reason: str) -> int:
        """Record that what was heard so far is not what the sound will be; return the number of such takes.

        Raises LeaseLost.
        """
        await self._write(
            claim,
            {
                Job.discarded_takes: Job.discarded_takes + 1,
                Job.is_audible: False,
                Job.interruption: reason,
            },
        )
        return (await self.state(claim)).discarded_takes

    async def _write(self, claim: Claim, values: Values) -> None:
        async with self._database.transaction(durable=False):
            await self._store.write(claim, values)
        self._bus.publish(Event("queue"), Event("job", claim.job_id))
