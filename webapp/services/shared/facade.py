"""The services that several domains use, wired together."""

from dataclasses import dataclass
from typing import Final

from webapp.services.shared.duties import Duties
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.idempotency import Idempotency
from webapp.services.shared.pace import Pace
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.shared.readiness import ReadinessReporter

SEARCH_WINDOW_S: Final = 60


@dataclass(frozen=True, slots=True)
class SharedServices:
    """Rate limits, the limit on searches, kept answers, readiness, and which server does periodic work."""

    rate_limits: RateLimits
    searches: Pace
    idempotency: Idempotency
    readiness: ReadinessReporter
    duties: Duties


def build_shared(base: Foundation) -> SharedServices:
    """Wire the services that several domains use."""
    database, clock = base.database, base.clock
    return SharedServices(
        rate_limits=RateLimits(database, clock),
        searches=Pace("searches", clock, base.settings.searches_per_address, SEARCH_WINDOW_S),
        idempotency=Idempotency(database, clock),
        readiness=ReadinessReporter(database, base.storage),
        duties=Duties(database, clock),
    )
