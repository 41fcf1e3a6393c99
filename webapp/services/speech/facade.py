"""Speech, wired together."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.policy.accounts.tiers import Tier
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.models.voices import VoiceRegister
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.speech.leases import SpeechLeases
from webapp.services.speech.long_texts import LongTexts
from webapp.services.speech.speech import Speech
from webapp.services.speech.waiting import Waiting
from webapp.services.workers.arrivals import Arrivals


@dataclass(frozen=True, slots=True)
class SpeechServices:
    """The services of speech: `requests` and `long_texts` for handlers, and `leases` for speech workers."""

    requests: Speech
    long_texts: LongTexts
    leases: SpeechLeases


def build_speech(
    base: Foundation,
    *,
    storage_guard: StorageGuard,
    rate_limits: RateLimits,
    tiers: Mapping[str, Tier],
    voices: VoiceRegister,
    arrivals: Arrivals,
    loose: LooseGroups,
) -> SpeechServices:
    """Wire the services of speech."""
    database, clock, settings, bus = base.database, base.clock, base.settings, base.bus
    waiting = Waiting(database, settings, bus)
    requests = Speech(
        base, arrivals, storage_guard=storage_guard, rate_limits=rate_limits, tiers=tiers, voices=voices,
        loose=loose, waiting=waiting,
    )  # fmt: skip
    return SpeechServices(
        requests=requests,
        long_texts=LongTexts(database, clock, bus, requests, waiting),
        leases=SpeechLeases(database, clock, settings, bus),
    )
