"""Who asks the worker for sounds."""

import pytest

from tests.api.conftest import app, make_user  # noqa: F401 fixtures, found by their names here
from tests.factories import MakeAccount
from webapp.services.accounts.identity import Identity


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account()
