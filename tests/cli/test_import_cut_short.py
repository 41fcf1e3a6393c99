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

what, *arguments = sys.argv[1:]
original = LocalStorage.publish

async def killed(*arguments, **options):
    await original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

async def slow(*arguments, **options):
    await original(*arguments, **options)
    print("published", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

LocalStorage.publish = {"killed": killed, "slow": slow}[what]
sys.exit(main(["import", *arguments]))
"""


@pytest.fixture(autouse=True)
def _on_each_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDLOOM_DATABASE_URL", database_url)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two short sounds."""
    return zipped(tmp_path / "export.zip", *manifest_of(noise(0.5)))


def _changed(what: str, archive: Path, owner: str) -> list[str]:
    return [sys.executable, "-c", CHANGED, what, str(archive), "--owner", owner]


def _remove_strays() -> tuple[int, int]:
    async def work(services: Services) -> tuple[int, int]:
        return await services.library.files.remove_strays()

    return with_services(work)


def _loose(*, expired: bool = False) -> list[str]:
    """The keys of files that wait for a sound; `expired` makes their time be over."""

    async def work(services: Services) -> list[str]:
        if expired:
            await services.database.fetch("UPDATE loose_files SET until_ms = 0")
        rows = await services.database.fetch("SELECT storage_key FROM loose_files")
        return sorted(row["storage_key"] for row in rows)

    return with_services(work)


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


def test_files_of_a_killed_import_go_once_nobody_can_be_writing_them(
    soundloom: Soundloom, owner: str, data_dir: Path, archive: Path
) -> None:
    for _ in range(2):
        subprocess.run(_changed("killed", archive, owner), check=False, capture_output=True)
    # Another attempt has other files. For all anybody knows, both may still be in hand.
    left = sorted(folder.name for folder in (data_dir / "sounds").glob("??/*"))
    assert len(left) == 2
    assert _remove_strays() == (0, 0)
    assert _loose(expired=True) == left
    assert _remove_strays() == (2, 0)
    assert stored(data_dir) == {}
    outcome = soundloom("import", str(archive), "--owner", owner)
    assert outcome.out == "2 sounds imported, 0 were here already, 0 could not be used\n", outcome.err
    assert stored(data_dir).keys() == set(IDS)
    assert _loose() == []


def test_files_of_a_running_import_stay(owner: str, data_dir: Path, archive: Path) -> None:
    with subprocess.Popen(
        _changed("slow", archive, owner), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert running.stdout.readline() == "published\n"
        assert _remove_strays() == (0, 0)
        assert len(stored(data_dir)) == 1
        said, _ = running.communicate("\n\n")
    assert said.endswith("2 sounds imported, 0 were here already, 0 could not be used\n")
    assert stored(data_dir).keys() == set(IDS)
    assert _loose() == []
