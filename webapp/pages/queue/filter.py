"""Which of the queue's jobs a page shows: kept in its address, so that it can be shared and reloaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from webapp.http.requests.addresses import split_address
from webapp.policy.accounts.tiers import ADMIN, TIER_NAMES
from webapp.policy.generation import MODELS
from webapp.policy.queue.job_status import ACTIVE, UNSUCCESSFUL
from webapp.services.accounts.identity import Identity
from webapp.services.queue.views import QueuedJob

FILTER_TIERS: Final = (ADMIN, *reversed(TIER_NAMES))
MAX_OWNER_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """The filter of the queue; empty for all that waits or is generated. `mine` is "1" for one's own jobs.

    `failed` and `cancelled`, and a part of the owner's name, are for admins.
    """

    state: str = ""
    model: str = ""
    tier: str = ""
    owner: str = ""
    mine: str = ""

    @property
    def query(self) -> str:
        """As the query of an address."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    @property
    def is_everything(self) -> bool:
        return not self.query

    def but(self, **changes: str) -> str:
        """The address of the queue with another filter."""
        query = replace(self, **changes).query
        return f"/queue?{query}" if query else "/queue"

    def shows(self, job: QueuedJob, viewer: Identity | None, owner: str = "") -> bool:
        """Return whether a job of the queue is to be shown; `owner` is its owner's name, for admins."""
        return (
            self.state in ("", job.status)
            and self.model in ("", job.model)
            and self.tier in ("", job.tier)
            and self.owner.lower() in owner.lower()
            and (not self.mine or (viewer is not None and job.account_id == viewer.account_id))
        )


def queue_filter(params: Mapping[str, str], viewer: Identity | None) -> QueueFilter:
    """The filter of an address; what makes no sense, or is not for this viewer, is left out."""
    is_admin = viewer is not None and viewer.is_admin
    states = (*ACTIVE, *(UNSUCCESSFUL if is_admin else ()))
    return QueueFilter(
        state=_one_of(states, params.get("state")),
        model=_one_of(MODELS, params.get("model")),
        tier=_one_of(FILTER_TIERS, params.get("tier")),
        owner=params.get("owner", "").strip()[:MAX_OWNER_CHARACTERS] if is_admin else "",
        mine="1" if viewer is not None and params.get("mine") == "1" else "",
    )


def filter_of_address(address: str, viewer: Identity | None) -> QueueFilter:
    """The filter that a whole address, or only its query, holds."""
    parts = split_address(address) if "://" in address else None
    query = parts.query if parts else address
    return queue_filter(dict(parse_qsl(query[:500])), viewer)


def _one_of(known: tuple[str, ...], value: str | None) -> str:
    return value if value in known else ""
