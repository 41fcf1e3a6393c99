"""One server with real workers over tiny checkpoints, for all of these tests."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Client, Installation, Server, installed

collect_ignore_glob: list[str] = []
if importlib.util.find_spec("torch") is None:
    # A set-up without torch has no use for these.
    collect_ignore_glob.append("test_*.py")
else:
    from tests.engines.audiocraft.tiny import Tiny, write_models

    CHECKPOINTS = {"music": "tiny-musicgen", "audio": "tiny-audiogen", "magnet": "tiny-magnet"}
    # Ten frames a second at the published sample rates: three minutes are 1,800 steps.
    TINY = {
        "music": Tiny("musicgen", sample_rate=32_000, ratios=(10, 8, 8, 5)),
        "audio": Tiny("audiogen", sample_rate=16_000, ratios=(8, 8, 5, 5)),
        "magnet": Tiny("magnet", sample_rate=32_000, ratios=(10, 8, 8, 5)),
    }

    @pytest.fixture(scope="session")
    def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A models folder with one checkpoint for each model."""
        folder = tmp_path_factory.mktemp("models")
        for model, name in CHECKPOINTS.items():
            write_models(folder, TINY[model], name)
        return folder

    @pytest.fixture(scope="module")
    def installation(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Installation]:
        settings = {f"{model}_checkpoint": name for model, name in CHECKPOINTS.items()}
        with installed(
            tmp_path_factory.mktemp("data"), models_dir=tiny_models, device="cpu", threads=1,
            disk_reserve_mb=0, speech_workers=0, **settings,
        ) as made:  # fmt: skip
            yield made

    @pytest.fixture(scope="module")
    def server(installation: Installation) -> Server:
        return installation.serve()

    @pytest.fixture(scope="module")
    def client(installation: Installation, server: Server) -> Client:
        return server.client(installation.token())
