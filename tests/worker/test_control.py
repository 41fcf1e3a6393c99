"""What operators ask of workers is recorded, and keeps drained ones from claiming."""

import pytest

from tests.factories import MakeAccount, choice
from webapp.errors import NotFound
from webapp.events import Event
from webapp.services.container import Services
from webapp.services.workers.control import ModelWishView

WORKER = "a" * 12


@pytest.fixture
async def worker(services: Services) -> str:
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    await services.workers.registry.record_report(WORKER, "busy", {})
    return WORKER


async def state(services: Services) -> str:
    (worker,) = await services.workers.registry.alive()
    return worker.state


async def test_a_draining_worker_takes_no_more_until_it_is_told_to(
    services: Services, worker: str, make_account: MakeAccount
) -> None:
    await services.queue.submissions.submit(await make_account(), choice())
    await services.workers.control.drain(worker, is_draining=True)
    assert await services.queue.leases.claim(worker) is None
    assert await state(services) == "draining"
    assert await services.workers.registry.on_duty() == []
    with services.bus.subscribe() as hints:
        await services.workers.control.drain(worker, is_draining=False)
        assert Event("queue") in hints.take(), "an idle worker looks for work again"
    assert await state(services) == "busy"
    assert await services.queue.leases.claim(worker) is not None


async def test_a_stopping_worker_is_shown_as_stopping(services: Services, worker: str) -> None:
    await services.workers.control.drain(worker, is_draining=True)
    await services.workers.registry.record_report(worker, "stopping", {})
    assert await state(services) == "stopping"


async def test_only_what_there_is_can_be_controlled(services: Services) -> None:
    with pytest.raises(NotFound, match="Worker not found"):
        await services.workers.control.drain("b" * 12, is_draining=True)
    with pytest.raises(NotFound, match="Model not found"):
        await services.workers.control.wish("tuba", "load")


async def test_wishes_for_models_are_numbered_and_pins_last(services: Services) -> None:
    control = services.workers.control
    with services.bus.subscribe() as hints:
        await control.wish("music", "load")
        assert Event("control") in hints.take()
    assert await control.wishes() == (ModelWishView("music", "load", 1, is_pinned=False),)
    await control.wish("music", "pin")
    await control.wish("music", "unload")
    assert await control.wishes() == (ModelWishView("music", "unload", 3, is_pinned=True),)
    await control.wish("music", "unpin")
    await control.wish("audio", "pin")
    assert await control.wishes() == (
        ModelWishView("audio", "load", 1, is_pinned=True),
        ModelWishView("music", "unload", 3, is_pinned=False),
    )
