"""The queue of jobs, wired together."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.policy.accounts.tiers import Tier
from webapp.services.accounts.facade import AccountServices
from webapp.services.admin.audit_log import AuditLog
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.clock_steps import ClockSteps
from webapp.services.queue.continuations import Continuations
from webapp.services.queue.endings import JobEndings
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.history import QueueHistory
from webapp.services.queue.jobs import Jobs
from webapp.services.queue.leases import Leases
from webapp.services.queue.melodies import MelodyCheck
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.queue.snapshot import QueueReader
from webapp.services.queue.submissions import Submissions
from webapp.services.queue.waiting import WaitingQueueReader
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.sources.sound_sources import SoundSources
from webapp.services.workers.model_abilities import ModelAbilities
from webapp.services.workers.workers import Workers


@dataclass(frozen=True, slots=True)
class QueueServices:
    """Jobs from submission to their end.

    `reader` reads the present queue, `history` the last hour. `tiers` are the limits under which jobs are
    accepted.
    """

    reader: QueueReader
    history: QueueHistory
    estimator: Estimator
    submissions: Submissions
    jobs: Jobs
    leases: Leases
    endings: JobEndings
    skip_payments: SkipPayments
    clock_steps: ClockSteps
    tiers: Mapping[str, Tier]


def build_queue(
    base: Foundation,
    *,
    tiers: Mapping[str, Tier],
    accounts: AccountServices,
    workers: Workers,
    rate_limits: RateLimits,
    storage_guard: StorageGuard,
    audit: AuditLog,
    sources: SoundSources,
) -> QueueServices:
    """Wire the services of the queue."""
    database, clock, settings, bus = base.database, base.clock, base.settings, base.bus
    affinities = AffinityStore(database, settings)
    waiting_queue = WaitingQueueReader(database, affinities)
    estimator = Estimator(database, clock, workers)
    reader = QueueReader(database, clock, estimator, affinities)
    skip_payments = SkipPayments(database, accounts.aura)
    endings = JobEndings(skip_payments)
    submissions = Submissions(
        base, estimator=estimator, storage_guard=storage_guard,
        usage=accounts.usage, waiting_queue=waiting_queue, tiers=tiers,
        melodies=MelodyCheck(sources, workers),
        continuations=Continuations(database, ModelAbilities(workers), sources),
    )  # fmt: skip
    jobs = Jobs(
        base, queue=reader, submissions=submissions, payments=skip_payments, endings=endings,
        rate_limits=rate_limits, audit=audit, waiting_queue=waiting_queue,
    )  # fmt: skip
    return QueueServices(
        reader=reader,
        history=QueueHistory(database, clock),
        estimator=estimator,
        submissions=submissions,
        jobs=jobs,
        leases=Leases(database, clock, settings, bus, skip_payments, affinities),
        endings=endings,
        skip_payments=skip_payments,
        clock_steps=ClockSteps(database, clock, tiers, bus),
        tiers=tiers,
    )
