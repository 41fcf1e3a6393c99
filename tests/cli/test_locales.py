"""Commands where the terminal cannot show everything, and where arguments are no text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Soundloom
from tests.running import SEVERAL, SHARED_CACHE

UNCOERCED = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = [
    pytest.param({"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}, id="latin-1"),
    pytest.param({**UNCOERCED, "PYTHONIOENCODING": "iso-8859-1:strict"}, id="latin-1-strict"),
    pytest.param(UNCOERCED, id="posix"),
    pytest.param({**UNCOERCED, "PYTHONIOENCODING": "ascii"}, id="ascii"),
]
CONFIG = (
    '{"audio": {"sample_rate": 16000, "quality": "low"}, "espeak": {"voice": "ru"}, "dataset": "ирина",'
    ' "language": {"code": "ru_RU", "name_english": "Russian"}}'
)
NOT_TEXT = os.fsdecode(b"a\xff\xe9")


def _run(data_dir: Path, locale: dict[str, str], *commands: list[str]) -> subprocess.CompletedProcess[bytes]:
    arguments = [argument for command in commands for argument in (",", *command)][1:]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDLOOM_")}
    return subprocess.run(
        [sys.executable, "-c", SEVERAL, *arguments],
        env={**kept, "SOUNDLOOM_DATA_DIR": str(data_dir), "SOUNDLOOM_CACHE_DIR": str(SHARED_CACHE), **locale},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
def test_every_list_can_be_shown_on_every_terminal_and_a_file_can_have_any_name(
    data_dir: Path, tmp_path: Path, locale: dict[str, str]
) -> None:
    voices = data_dir / "models" / "voices"
    voices.mkdir(parents=True)
    (voices / "ru_RU-irina-low.onnx").write_bytes(b"x")
    (voices / "ru_RU-irina-low.onnx.json").write_text(CONFIG, encoding="utf-8")
    files = [tmp_path / name for name in ("雨.wav", f"{NOT_TEXT}.wav")]
    rest = ("--duration", "1", "--seed", "1")
    commands = (
        ["voices", "list"], ["models", "list"], ["user", "list"], ["--help"], ["voices", "-h"],
        *(["generate", "rain", "-o", str(file), *rest] for file in files),
    )  # fmt: skip
    done = _run(data_dir, locale, *commands)
    assert (done.returncode, done.stderr) == (0, b"")
    line = next(line for line in done.stdout.splitlines() if b"irina" in line)
    assert rb"\u0418\u0440\u0438\u043d\u0430" in line
    for file in files:
        assert file.stat().st_size > 40_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user", "set", NOT_TEXT, "--tier", "free"], "There is no account of that name"),
        (["user", "delete", NOT_TEXT], "There is no account of that name"),
        (["token", "create", NOT_TEXT], "There is no account of that name"),
        (["token", "create", "ann", "--label", NOT_TEXT], "Label contains characters that are not allowed"),
        (["aura", "grant", "ann", "1", "--reason", NOT_TEXT], "A reason is required"),
        (["voices", "remove", NOT_TEXT], "is no name of a Piper voice"),
        (["models", "remove", NOT_TEXT, "--yes"], "There is no published model"),
        (["import", NOT_TEXT, "--owner", "ann"], "is not there"),
        (["restore", NOT_TEXT], "is not a finished backup"),
        (["generate", NOT_TEXT, "-o", "x.wav"], "Prompt contains characters that are not allowed"),
    ],
)
@pytest.mark.usefixtures("owner")
def test_an_argument_that_is_no_text_is_refused_in_one_line(
    soundloom: Soundloom, arguments: list[str], words: str
) -> None:
    refused = soundloom(*arguments)
    assert refused.code == 1
    assert words in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("name", ["ENGINE", "SECRET_KEY", "MODELS_DIR", "PUBLIC_URL"])
def test_a_setting_that_is_no_text_is_refused_in_one_line(
    soundloom: Soundloom, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"SOUNDLOOM_{name}", NOT_TEXT)
    refused = soundloom("user", "list")
    assert refused.code == 2
    assert refused.err.startswith(f"soundloom: SOUNDLOOM_{name} has a wrong value: it is not text")


SILENT = ["user", "create", "ada", "--password-stdin"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("arguments", "code"), [(["user", "list"], 0), (["user", "set", "nobody"], 1), (SILENT, 0)]
)
def test_a_stream_that_takes_nothing_leaves_the_exit_code(
    data_dir: Path, stream: str, arguments: list[str], code: int
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "webapp", *arguments],
            env={**os.environ, "SOUNDLOOM_DATA_DIR": str(data_dir)},
            input=b"correct horse\n",
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
            timeout=60,
            check=False,
        )
    # Whoever has nothing to say there has done what was asked.
    is_unwritten_list = stream == "stdout" and arguments == ["user", "list"]
    assert done.returncode == (1 if is_unwritten_list else code)
    assert b"Traceback" not in (done.stderr or b"")
