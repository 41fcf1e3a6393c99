"""Two workers of one name: the second waits for the end of the first, or is refused."""

import asyncio

import pytest

from webapp.clock import ManualClock
from webapp.services.container import Services
from webapp.services.workers.workers import NameTaken

NAME = "gpu:0"


async def test_a_worker_takes_the_place_of_one_of_its_name_that_died(
    services: Services, clock: ManualClock
) -> None:
    await services.workers.registry.register(NAME, host="h", pid=1, device="cpu")
    with pytest.raises(NameTaken, match="A worker called gpu:0 is running"):
        await services.workers.registry.register(NAME, host="h", pid=2, device="cpu")
    joining = asyncio.create_task(services.workers.registry.join(NAME, host="h", pid=2, device="cpu"))
    clock.advance_s(services.settings.lease_s + 1)
    async with asyncio.timeout(20):
        await joining
    assert [(worker.worker_id, worker.pid) for worker in await services.workers.registry.alive()] == [
        (NAME, 2)
    ]
