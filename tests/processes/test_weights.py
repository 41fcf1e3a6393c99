"""A server and its worker fetch a model that an admin asked for, over a connection that breaks."""

import subprocess
import sys
from pathlib import Path

from tests.running import START_S, installed
from tests.weights.hub import Fault, fill, running_hub

# What the admin page does, from a process of its own.
ASK = """
import asyncio
from webapp.services.container import open_services
from webapp.settings import load_settings

NAME = "musicgen-small"

async def ask():
    async with open_services(load_settings()) as services:
        with services.bus.subscribe() as hints:
            while not await services.models.downloads.folders():
                await hints.wait(0.5)
            await services.models.downloads.start(NAME, accepted_licence=True, by="ann")
            while True:
                entry = next(one for one in await services.models.downloads.catalogue() if one.name == NAME)
                if entry.download is None or entry.download.error:
                    return entry
                await hints.wait(0.5)

entry = asyncio.run(ask())
print(entry.is_installed, entry.is_chosen, entry.download)
"""


def test_a_model_is_fetched_while_the_server_runs(tmp_path: Path) -> None:
    with running_hub() as hub:
        fill(hub)
        hub.faults = [Fault(after=30_000)]
        with installed(tmp_path, models_url=hub.base, disk_reserve_mb=0, speech_workers=0) as installation:
            server = installation.serve()
            asked = subprocess.run(
                [sys.executable, "-c", ASK],
                env=installation.environment, capture_output=True, text=True, timeout=START_S, check=False,
            )  # fmt: skip
            assert asked.stdout == "True True None\n", asked.stderr
            assert server.terminate() == 0
    assert "musicgen-small" in {path.name for path in (tmp_path / "models").iterdir()}
    assert hub.gets("compression_state_dict.bin")[1]["range"] == "bytes=30000-"
