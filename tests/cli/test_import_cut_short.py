"""`soundloom import` where there is no room, and when it is killed: what is in stays, nothing lies about."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.archives import IDS, manifest_of, noise, stored, zipped
from tests.cli.conftest import Soundloom
from webapp.cli import importing
from webapp.cli._context import with_services
from webapp.services.container import Services
from webapp.storage.import_source import import_source

# The command, with something else in place of one of its steps.
CHANGED = """
import asyncio, os, signal, sys
from webapp.cli import main
from webapp.storage import LocalStorage

step, what, *arguments = sys.argv[1:]
original = getattr(LocalStorage, step)

async def killed(*arguments, **options):
    if step == "publish":
        await original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

async def slow(*arguments, **options):
    await original(*arguments, **options)
    print("published", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

setattr(LocalStorage, step, {"killed": killed, "slow": slow}[what])
sys.exit(main(["import", *arguments]))
"""


@pytest.fixture(autouse=True)
def _on_each_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDLOOM_DATABASE_URL", database_url)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two short sounds."""
    return zipped(tmp_path / "export.zip", *manifest_of(noise(0.5)))


def _changed(step: str, what: str, archive: Path, owner: str) -> list[str]:
    return [sys.executable, "-c", CHANGED, step, what, str(archive), "--owner", owner]


def _remove_strays() -> tuple[int, int]:
    async def work(services: Services) -> tuple[int, int]:
        return await services.library.files.remove_strays()

    return with_services(work)


def _locks(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "sounds").rglob("*") if path.name == ".writer"]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("SOUNDLOOM_ACCOUNT_STORAGE_MB", "Your storage is full; delete sounds you no longer need"),
        ("SOUNDLOOM_STORAGE_MB", "The server's storage is full"),
    ],
)
def test_what_does_not_fit_is_named_and_what_came_before_stays(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    variable: str, said: str,
) -> None:  # fmt: skip
    # One of them is more than a megabyte with all its formats.
    archive = zipped(tmp_path / "export.zip", *manifest_of(noise(60)))
    monkeypatch.setenv(variable, "1")
    outcome = soundloom("import", str(archive), "--owner", owner)
    assert (outcome.code, outcome.out) == (
        1, "1 sounds imported, 0 were here already, 0 could not be used, 1 did not fit\n",
    )  # fmt: skip
    (kept,) = stored(data_dir)
    (missing,) = set(IDS) - {kept}
    named, full = outcome.err.splitlines()
    assert named == f"soundloom: left out: no room for {missing} (Über)"
    assert said in full
    monkeypatch.delenv(variable)
    again = soundloom("import", str(archive), "--owner", owner)
    assert again.out == "1 sounds imported, 1 were here already, 0 could not be used\n"


def test_a_disk_that_is_full_meanwhile_ends_it_with_the_rest_named(
    soundloom: Soundloom, owner: str, data_dir: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(importing, "write_audio", full)
    outcome = soundloom("import", str(archive), "--owner", owner)
    assert (outcome.code, outcome.out) == (
        1, "0 sounds imported, 0 were here already, 0 could not be used, 2 did not fit\n",
    )  # fmt: skip
    assert "disk is almost full" in outcome.err.splitlines()[-1]
    assert list((data_dir / "staging").iterdir()) == []


def test_a_copy_that_does_not_fit_is_no_fault_of_the_archive(archive: Path) -> None:
    with import_source(archive) as source, pytest.raises(OSError, match="No space left"):
        source.copy("manifest.json", Path("/dev/full"), size=10**6, sha256="")


def test_files_of_a_killed_import_go_with_the_next_import_or_start(
    soundloom: Soundloom, owner: str, data_dir: Path, archive: Path
) -> None:
    left = []
    for _ in range(2):
        subprocess.run(_changed("publish", "killed", archive, owner), check=False, capture_output=True)
        (folder,) = stored(data_dir).values()
        left.append(folder.name)
    # Another attempt has other files: the second import removed what the first had left.
    assert len(set(left)) == 2
    assert _remove_strays() == (1, 0)
    assert stored(data_dir) == {}
    outcome = soundloom("import", str(archive), "--owner", owner)
    assert outcome.out == "2 sounds imported, 0 were here already, 0 could not be used\n", outcome.err
    assert stored(data_dir).keys() == set(IDS)
    assert _locks(data_dir) == []


def test_an_import_killed_behind_its_row_has_its_sound(
    soundloom: Soundloom, owner: str, data_dir: Path, archive: Path
) -> None:
    subprocess.run(_changed("settle", "killed", archive, owner), check=False, capture_output=True)
    assert len(_locks(data_dir)) == 1
    assert _remove_strays() == (0, 0)
    assert _locks(data_dir) == []
    outcome = soundloom("import", str(archive), "--owner", owner)
    assert outcome.out == "1 sounds imported, 1 were here already, 0 could not be used\n", outcome.err
    assert stored(data_dir).keys() == set(IDS)


def test_files_of_a_running_import_stay(owner: str, data_dir: Path, archive: Path) -> None:
    with subprocess.Popen(
        _changed("publish", "slow", archive, owner), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert running.stdout.readline() == "published\n"
        assert _remove_strays() == (0, 0)
        assert len(stored(data_dir)) == 1
        said, _ = running.communicate("\n\n")
    assert said.endswith("2 sounds imported, 0 were here already, 0 could not be used\n")
    assert stored(data_dir).keys() == set(IDS)
    assert _locks(data_dir) == []
