"""Who asks the worker for sounds."""

import pytest

from tests.factories import MakeAccount
from webapp.services.accounts.identity import Identity


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account()
