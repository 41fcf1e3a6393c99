"""Totals of long lists are counted once a minute."""

from collections.abc import Awaitable, Callable

import pytest

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from webapp.clock import ManualClock
from webapp.policy.library.fields import LibraryQuery
from webapp.services.container import Services
from webapp.services.library import totals

Publish = Callable[[str, int], Awaitable[None]]
FEW, MANY = LibraryQuery(search="hail"), LibraryQuery(search="rain")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "EXACT_UP_TO", 2)


@pytest.fixture
async def publish(make_sound: MakeSound, make_account: MakeAccount) -> Publish:
    """Publishes so many sounds of a prompt."""
    owner = await make_account()

    async def publish(prompt: str, count: int) -> None:
        for _ in range(count):
            await make_sound(owner, prompt)

    return publish


async def _total(services: Services, query: LibraryQuery) -> tuple[int, bool]:
    page = await services.library.browse.public(query)
    return page.total, page.is_total_exact


async def test_beyond_the_bound_a_total_may_be_a_minute_old(
    services: Services, publish: Publish, clock: ManualClock
) -> None:
    await publish("rain", 3)
    assert await _total(services, MANY) == (3, True)
    await publish("rain", 1)
    clock.advance_s(59)
    assert await _total(services, MANY) == (3, False)
    assert len((await services.library.browse.public(MANY)).items) == 4, "what is shown is always of now"
    clock.advance_s(1)
    assert await _total(services, MANY) == (4, True)


async def test_up_to_the_bound_it_is_of_the_moment(services: Services, publish: Publish) -> None:
    await publish("hail", 1)
    assert await _total(services, FEW) == (1, True)
    await publish("hail", 1)
    assert await _total(services, FEW) == (2, True)


async def test_sums_that_are_kept_are_always_of_the_moment(services: Services, publish: Publish) -> None:
    await publish("rain", 3)
    assert await _total(services, LibraryQuery()) == (3, True)
    await publish("rain", 1)
    assert await _total(services, LibraryQuery()) == (4, True)
