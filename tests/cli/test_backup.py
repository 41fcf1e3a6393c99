"""`soundloom backup` and `soundloom restore` from the shell."""

import fcntl
from pathlib import Path

from tests.cli.conftest import Soundloom
from webapp.web.serve import LOCK_FILE

PASSWORD = "correct horse"


def test_there_and_back(soundloom: Soundloom, data_dir: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "backup")
    assert soundloom("user", "create", "ann", "--password-stdin", stdin=PASSWORD).code == 0
    made = soundloom("backup", folder)
    assert made.code == 0, made.err
    assert "0 sounds in 0 files" in made.out
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert soundloom("user", "create", "bob", "--password-stdin", stdin=PASSWORD).code == 0
    refused = soundloom("restore", folder)
    assert (refused.code, "--replace" in refused.err) == (1, True)
    with (data_dir / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = soundloom("restore", folder, "--replace")
    assert (busy.code, "stop it first" in busy.err) == (1, True)
    assert soundloom("restore", folder, "--replace").code == 0
    names = soundloom("user", "list").out
    assert "ann" in names
    assert "bob" not in names
    assert soundloom("backup", folder).code == 1
    assert soundloom("restore", str(tmp_path / "nothing")).code == 1
