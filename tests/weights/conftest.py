"""A hub, a models folder, and pulls whose time does not pass."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.weights.hub import Hub, fill, running_hub
from webapp.weights.catalogue import Checkpoint, published
from webapp.weights.pull import Progress, Pull, PullEnvironment
from webapp.weights.sources import open_source


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        fill(hub)
        yield hub


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@dataclass
class Puller:
    """Pulls from an address, and remembers what was reported and waited for."""

    address: str
    models_dir: Path
    reserve_bytes: int = 0
    progress: list[Progress] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    on_report: Callable[[Progress], None] = lambda _: None
    time_s: float = 0.0

    def pull(self, name: str = "musicgen-small") -> bool:
        def report(progress: Progress) -> None:
            self.progress.append(progress)
            self.on_report(progress)

        environment = PullEnvironment(
            self.reserve_bytes, self.waits.append, self._now_s, lambda: 1_700_000_000_000, "ann"
        )
        return Pull(self.models_dir, open_source(self.address), environment, report).run(checkpoint(name))

    def _now_s(self) -> float:
        self.time_s += 0.1
        return self.time_s


def checkpoint(name: str) -> Checkpoint:
    found = published(name)
    assert found is not None
    return found


@pytest.fixture
def puller(hub: Hub, models_dir: Path) -> Puller:
    return Puller(hub.base, models_dir)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
