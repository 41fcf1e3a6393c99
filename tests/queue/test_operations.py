"""What admins do to workers, models and sounds is on record, or is not done."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.factories import MakeAccount
from webapp.errors import NotAuthorized, NotFound
from webapp.events import Event
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

WORKER = "a" * 12
Act = Callable[[Services, Identity], Awaitable[Any]]
ACTS: dict[str, Act] = {
    "drain": lambda services, who: services.admin.operations.drain(who, WORKER, is_draining=True),
    "model pin": lambda services, who: services.admin.operations.wish(who, "music", "pin"),
}


@pytest.fixture
async def root(services: Services, make_account: MakeAccount) -> Identity:
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    return await make_account("root", is_admin=True)


async def _state(services: Services) -> object:
    """What the acts change."""
    states = [worker.state for worker in await services.workers.registry.alive()]
    return states, await services.workers.control.wishes(), await services.admin.audit.entries()


@pytest.mark.parametrize("name", ACTS)
async def test_what_is_done_is_on_record_and_told(services: Services, root: Identity, name: str) -> None:
    before = await _state(services)
    with services.bus.subscribe() as hints:
        await ACTS[name](services, root)
        assert Event("status") in hints.take()
    (line,) = await services.admin.audit.entries()
    assert (line.author, line.action) == ("root", name)
    assert await _state(services) != before


@pytest.mark.parametrize("name", ACTS)
async def test_what_cannot_be_recorded_is_not_done(
    services: Services, root: Identity, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await _state(services)

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.admin.audit, "record", fail)
    with pytest.raises(ZeroDivisionError):
        await ACTS[name](services, root)
    assert await _state(services) == before


@pytest.mark.parametrize("name", ACTS)
async def test_nobody_else_may_and_what_fails_leaves_no_line(
    services: Services, root: Identity, make_account: MakeAccount, name: str
) -> None:
    with pytest.raises(NotAuthorized):
        await ACTS[name](services, await make_account("ann"))
    with pytest.raises(NotFound):
        await services.admin.operations.drain(root, "b" * 12, is_draining=True)
    assert await services.admin.audit.entries() == []


async def test_an_account_is_deleted_with_its_record_or_not_at_all(
    services: Services, root: Identity, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_account("ann")
    record = services.admin.audit.record

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.admin.audit, "record", fail)
    with pytest.raises(ZeroDivisionError):
        await services.admin.accounts.delete(root, "ann")
    assert (await services.accounts.registry.find("ann")).username == "ann"
    monkeypatch.setattr(services.admin.audit, "record", record)
    await services.admin.accounts.delete(root, "ann")
    (line,) = await services.admin.audit.entries()
    assert (line.author, line.action) == ("root", "delete account")
    with pytest.raises(NotFound):
        await services.accounts.registry.find("ann")
