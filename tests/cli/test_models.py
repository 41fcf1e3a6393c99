"""`soundloom models …` against a hub of our own."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Soundloom
from tests.weights.hub import Fault, Hub, fill, running_hub
from webapp.cli import main
from webapp.cli._progress import Spoken
from webapp.weights.pull import Progress
from webapp.weights.verdicts import current_verdicts, write_verdicts

SMALL = "musicgen-small"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as hub:
        fill(hub)
        monkeypatch.setenv("SOUNDLOOM_MODELS_URL", hub.base)
        monkeypatch.setenv("SOUNDLOOM_DISK_RESERVE_MB", "0")
        yield hub


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_published_model_is_listed_with_its_licence(soundloom: Soundloom, data_dir: Path) -> None:
    done = soundloom("models", "list")
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0].split() == ["NAME", "MODEL", "SIZE", "LICENCE", "ON", "DISK", "STATE"]
    assert len([line for line in lines if "CC-BY-NC 4.0" in line and "not installed" in line]) == 13
    assert lines[-1].startswith("Weights under CC-BY-NC 4.0 are not for commercial use: https://")
    # Looking makes no folders.
    assert not data_dir.exists()


def test_pull_list_and_remove(soundloom: Soundloom, hub: Hub, data_dir: Path) -> None:
    pulled = soundloom("models", "pull", SMALL, "musicgen-medium", "--accept-licence")
    assert pulled.code == 0, pulled.err
    models_dir = data_dir / "models"
    assert pulled.out.splitlines() == [
        f"{SMALL} is installed in {models_dir}",
        f"musicgen-medium is installed in {models_dir}",
    ]
    assert f"fetching {SMALL}/state_dict.bin" in pulled.err
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert json.loads((models_dir / SMALL / "soundloom.json").read_text())["accepted_by"].startswith("shell:")
    listed = soundloom("models", "list").out
    assert listed.splitlines()[1].split()[-3:] == ["installed,", "serves", "music"]
    assert listed.splitlines()[2].endswith("installed")
    medium = models_dir / "musicgen-medium"
    verdicts = current_verdicts(medium, (medium / "state_dict.bin",), "code")
    write_verdicts(medium, verdicts.with_distances("cpu", {"int8": 0.043, "bfloat16": 0.0211}))
    assert (
        "installed; cpu: bfloat16 (int8 0.043, bfloat16 0.021 from float32)"
        in soundloom("models", "list").out.splitlines()[2]
    )
    # Of weights that took the place of those nothing is known.
    os.utime(medium / "state_dict.bin", (1, 1))
    assert soundloom("models", "list").out.splitlines()[2].endswith("installed")
    assert "t5-base, used by several: 0.1 MB" in listed
    # Nothing is missing, so there is nothing to accept.
    assert soundloom("models", "pull", SMALL).out == f"{SMALL} was installed already\n"
    removed = soundloom("models", "remove", SMALL)
    assert removed.out == f"{SMALL} is removed; 0.3 MB freed; t5-base stays for others\n"
    assert soundloom("models", "remove", SMALL).err == f"soundloom: {SMALL} is not installed\n"


def test_nothing_is_fetched_without_acceptance(soundloom: Soundloom, hub: Hub) -> None:
    done = soundloom("models", "pull", SMALL)
    assert done.code == 1
    assert "CC-BY-NC 4.0, not for commercial use. https://creativecommons.org/" in done.err
    assert "t5-base: Apache 2.0." in done.err
    assert done.err.endswith("accept CC-BY-NC 4.0 with --accept-licence\n")
    assert hub.asked == []


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("Y\n", 0), ("no\n", 1), ("", 1)])
def test_somebody_at_a_terminal_is_asked(
    hub: Hub, data_dir: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setenv("SOUNDLOOM_DATA_DIR", str(data_dir))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["models", "pull", SMALL]) == code
    assert (data_dir / "models" / SMALL).exists() == (code == 0)
    if code == 0:
        monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
        assert main(["models", "remove", SMALL]) == 1
        monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
        assert main(["models", "remove", SMALL]) == 0


def test_what_goes_wrong_is_one_line(soundloom: Soundloom, hub: Hub) -> None:
    assert soundloom("models", "pull", "nonesuch").err == (
        "soundloom: There is no published model 'nonesuch'; see soundloom models list\n"
    )
    hub.faults = [Fault(corrupts=True)] * 2
    failed = soundloom("models", "pull", SMALL, "--accept-licence")
    assert failed.code == 1
    assert failed.err.endswith(
        "soundloom: compression_state_dict.bin from 127.0.0.1 does not match its published checksum\n"
    )
    hub.faults = [Fault(after=1000), Fault(status=403)]
    assert soundloom("models", "pull", SMALL, "--accept-licence").code == 1
    assert "fetched in part: 0.0 MB" in soundloom("models", "list").out


def test_another_source_can_be_given(soundloom: Soundloom, hub: Hub, data_dir: Path, tmp_path: Path) -> None:
    soundloom("models", "pull", SMALL, "--accept-licence")
    (data_dir / "models").rename(tmp_path / "copy")
    hub.asked.clear()
    assert soundloom("models", "pull", SMALL, "--accept-licence", "--from", str(tmp_path / "copy")).code == 0
    assert hub.asked == []


def test_other_programs_read_json(soundloom: Soundloom, hub: Hub) -> None:
    done = soundloom("models", "pull", SMALL, "--accept-licence", "--report", "json", "--accepted-by", "ann")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert lines[-1]["state"] == "installed"
    assert {"looking", "fetching"} <= {line["state"] for line in lines}
    assert done.err == ""
    failed = soundloom("models", "remove", "musicgen-large", "--report", "json")
    assert failed.code == 1
    assert json.loads(failed.out) == {"state": "failed", "error": "musicgen-large is not installed"}


def test_a_terminal_sees_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    now_s = 0.0
    spoken = Spoken(lambda: now_s)
    for done in (250, 500):
        spoken.tell(Progress("fetching", "x.bin", done * 10**6, 4_000_000_000, 12_500_000))
        now_s += 0.1
    assert screen.getvalue() == "\rfetching x.bin    6%  250.0 MB of 4.0 GB  12.5 MB/s  5:00 left"
    now_s = 1.0
    spoken.tell(Progress("fetching", "x.bin", 4_000_000_000, 4_000_000_000))
    last = screen.getvalue().rpartition("\r")[2]
    assert last.rstrip() == "fetching x.bin  100%  4.0 GB of 4.0 GB"
    assert len(last) == len("fetching x.bin    6%  250.0 MB of 4.0 GB  12.5 MB/s  5:00 left")
    spoken.clear()
    assert screen.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip() == ""
