"""An installation of its own for each test, over each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Installation, installed


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    with installed(tmp_path, database_url) as made:
        yield made
