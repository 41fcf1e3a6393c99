"""Weights that are malicious, damaged or of another shape: one clear error each, and the service goes on."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models_e2e.conftest import CHECKPOINTS
from tests.running import Client, Installation, Server, installed
from webapp.clock import SystemClock
from webapp.events import SocketBus

pytestmark = pytest.mark.slow

LM_FILE = "state_dict.bin"


class Payload:
    """Unpickled, it makes a folder: what a tampered checkpoint could do instead is anything."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self._mark),)


@pytest.fixture(scope="module")
def models_dir(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A malicious pickle for music, half a file for audio, and magnet's weights of another shape."""
    folder = tmp_path_factory.mktemp("broken") / "models"
    shutil.copytree(tiny_models, folder)
    malicious, truncated, misshapen = (folder / name / LM_FILE for name in CHECKPOINTS.values())
    torch.save({"xp.cfg": "a: 1", "best_state": {}, "extra": Payload(folder / "owned")}, malicious)
    truncated.write_bytes(truncated.read_bytes()[: truncated.stat().st_size // 2])
    package = torch.load(misshapen, weights_only=True)
    package["best_state"]["emb.0.weight"] = torch.zeros(3, 3)
    torch.save(package, misshapen)
    return folder


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Installation]:
    settings = {f"{model}_checkpoint": name for model, name in CHECKPOINTS.items()}
    with installed(
        tmp_path_factory.mktemp("data"), models_dir=models_dir, device="cpu", threads=1, disk_reserve_mb=0,
        speech_workers=0, **settings,
    ) as made:  # fmt: skip
        yield made


def status(client: Client) -> dict[str, Any]:
    told: dict[str, Any] = client.http.get("/status").raise_for_status().json()
    return told


async def status_when(
    installation: Installation, client: Client, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The status, once it is as it should be; looked at whenever a worker says something new."""
    bus = SocketBus(installation.data_dir, SystemClock())
    await bus.start()
    try:
        with bus.subscribe() as hints:
            async with asyncio.timeout(30):
                while not holds(told := await asyncio.to_thread(status, client)):
                    await hints.wait(1)
        return told
    finally:
        await bus.stop()


async def test_each_is_one_clear_error_and_the_service_goes_on(
    installation: Installation, server: Server, client: Client, models_dir: Path, tiny_models: Path
) -> None:
    for model in CHECKPOINTS:
        job = client.wait_for(client.submit(model=model, duration=1), "completed", "failed")
        assert (job["status"], job["error"]) == ("failed", "The model could not be loaded")
    assert not (models_dir / "owned").exists(), "the pickle ran"
    told = await status_when(
        installation, client, lambda told: [told["models"][model] for model in CHECKPOINTS] == ["error"] * 3
    )
    errors = {model: told["engines"][model]["error"] for model in CHECKPOINTS}
    assert (
        "tiny-musicgen/state_dict.bin is damaged or holds more than weights, and was not opened"
        in errors["music"]
    )
    assert "tiny-audiogen/state_dict.bin is damaged" in errors["audio"]
    assert "tiny-magnet/state_dict.bin do not fit" in errors["magnet"]
    assert "emb.0.weight" in errors["magnet"]

    (worker,) = server.workers()
    good = models_dir / CHECKPOINTS["audio"]
    shutil.copy(tiny_models / good.name / LM_FILE, good / "aside")
    (good / "aside").replace(good / LM_FILE)
    told = await status_when(installation, client, lambda told: told["models"]["audio"] == "unloaded")
    assert told["engines"]["audio"]["error"] is None
    job = client.wait_for(client.submit(model="audio", duration=1, seed=1), "completed", "failed")
    assert (job["status"], job["checkpoint"]) == ("completed", CHECKPOINTS["audio"])
    assert [one.pid for one in server.workers()] == [worker.pid], "no worker died of it"


async def test_weights_that_were_asked_for_by_name_and_are_taken_away_are_an_error(
    installation: Installation, client: Client, models_dir: Path
) -> None:
    """Nobody who chose a checkpoint gets another engine's sound without a word."""
    folder = models_dir / CHECKPOINTS["music"]
    (folder / LM_FILE).unlink()
    told = await status_when(
        installation,
        client,
        lambda told: LM_FILE in str(told["engines"]["music"]["error"]).partition("lacks")[2],
    )
    assert told["models"]["music"] == "error"
    assert told["engines"]["music"]["error"] == f"the folder {folder} is not a checkpoint: it lacks {LM_FILE}"
    job_id = client.submit(model="music", duration=1, seed=1)
    job = client.job(job_id)
    assert job["status"] == "queued", "it waits for a worker that has the checkpoint"
    assert job["message"] == "No running worker can make music now; the job waits until one can"
    assert client.http.post(f"/api/queue/{job_id}/cancel").status_code == 200
