"""A worker with models keeps to its folders, and looks nobody up."""

from pathlib import Path

import pytest

from tests.models_e2e.conftest import CHECKPOINTS
from tests.running import installed
from tests.watched import STRACE, Watched

pytestmark = pytest.mark.slow


def test_a_worker_with_models_leaves_the_home_folder_alone(tmp_path: Path, tiny_models: Path) -> None:
    watched = Watched(tmp_path / "watched")
    settings = {f"{model}_checkpoint": name for model, name in CHECKPOINTS.items()}
    with installed(
        tmp_path / "data",
        models_dir=tiny_models,
        device="cpu",
        threads=1,
        disk_reserve_mb=0,
        cache_dir="",
        speech_workers=0,
        **settings,
    ) as installation:
        installation.environment = watched.environment(installation.environment)
        token = installation.token_by_commands()
        server = installation.serve()
        client = server.client(token)
        for model in CHECKPOINTS:
            client.wait_for(client.submit("rain", duration=1, model=model), "completed")
        assert server.terminate() == 0
    assert watched.left_behind() == []
    assert watched.spoken_to() == []


@pytest.mark.skipif(STRACE is None, reason="what native code does can be seen with strace only")
def test_what_it_imports_connects_to_nobody(tmp_path: Path, tiny_models: Path) -> None:
    watched = Watched(tmp_path / "watched")
    with installed(
        tmp_path / "data",
        models_dir=tiny_models,
        device="cpu",
        threads=1,
        music_checkpoint=CHECKPOINTS["music"],
    ) as installation:
        environment = watched.environment(installation.environment)
        command = ["-m", "webapp", "generate", "rain", "-o", str(tmp_path / "x.wav"), "--duration", "1"]
        assert watched.traced(command, environment) == []
    assert watched.left_behind() == []
