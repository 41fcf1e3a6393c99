"""What a worker would do, in one step."""

from tests.factories import FACTS, choice
from webapp.services.container import Services
from webapp.services.identity import Identity
from webapp.services.leases import Claim

WORKER = "1" * 12


async def start_one(services: Services) -> Claim:
    """The next job in line, being generated."""
    claim = await services.leases.claim(WORKER)
    assert claim is not None
    return claim


async def finish_one(services: Services, identity: Identity, prompt: str = "rain") -> str:
    """Submit a job and generate it; gives its id."""
    submitted = await services.submissions.submit(identity, choice(prompt))
    await services.leases.complete(await start_one(services), FACTS)
    return submitted.job_id
