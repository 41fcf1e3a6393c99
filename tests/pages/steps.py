"""What a worker would do, in one step."""

from dataclasses import replace

from tests.factories import FACTS, choice
from webapp.policy.library.fields import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim

WORKER = "1" * 12


async def start_one(services: Services) -> Claim:
    """The next job in line, being generated."""
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    return claim


async def finish_one(services: Services, identity: Identity, prompt: str = "rain") -> str:
    """Submit a job and generate it; gives its id."""
    submitted = await services.queue.submissions.submit(identity, choice(prompt))
    await services.queue.leases.complete(await start_one(services), FACTS)
    return submitted.job_id


async def make_sound(
    services: Services, identity: Identity, prompt: str = "rain", *, is_public: bool = True, **facts: object
) -> str:
    """A finished sound in the library, without files; gives its id."""
    await services.queue.submissions.submit(identity, choice(prompt))
    claim = await start_one(services)
    await services.queue.leases.complete(claim, replace(FACTS, **facts))  # type: ignore[arg-type]  # as given
    await services.library.publishing.change(identity, claim.generation_id, SoundChange(is_public=is_public))
    return claim.generation_id
