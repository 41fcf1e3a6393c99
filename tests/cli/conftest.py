"""The command line, in this process, over a data folder of its own."""

import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from webapp.cli import main


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


Soundloom = Callable[..., Outcome]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def soundloom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data_dir: Path
) -> Soundloom:
    """Runs a command: `soundloom("user", "list", stdin="…")`. Standard input is no terminal."""
    monkeypatch.setenv("SOUNDLOOM_DATA_DIR", str(data_dir))

    def run(*arguments: str, stdin: str | bytes = "") -> Outcome:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def migrated_data_dir(data_dir: Path, migrated_sqlite_file: Path) -> Path:
    """The data folder with an empty database that is up to date: to migrate one takes a while."""
    data_dir.mkdir()
    shutil.copy(migrated_sqlite_file, data_dir / "soundloom.sqlite")
    return data_dir


@pytest.fixture
def owner(soundloom: Soundloom, migrated_data_dir: Path) -> str:
    """The name of an account."""
    assert soundloom("user", "create", "ann", "--password-stdin", stdin="correct horse").code == 0
    return "ann"
