"""No process of the product writes outside its folders, nor speaks to anybody unasked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import PASSWORD, installed
from tests.speech.tiny_voice import NAME, write_tiny_voice
from tests.watched import STRACE, Watched

pytestmark = pytest.mark.slow

LIBRARIES = "import webapp, onnxruntime, matplotlib.pyplot, time; time.sleep(1)"


@pytest.mark.parametrize("has_xdg", [False, True])
def test_commands_and_workers_leave_the_home_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_xdg: bool
) -> None:
    watched = Watched(tmp_path / "watched", has_xdg)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    write_tiny_voice(tmp_path / "data" / "models" / "voices")
    with installed(tmp_path / "data", engine="sketch", disk_reserve_mb=0, cache_dir="") as installation:
        installation.environment = watched.environment(installation.environment)
        token = installation.token_by_commands()
        server = installation.serve()
        client = server.client(token)
        client.wait_for(client.submit("rain", duration=1), "completed")
        for voice in (NAME, "espeak-en-us", "hibari-heart"):
            spoken = client.http.post("/api/tts/generate", json={"text": "hello", "voice": voice})
            assert spoken.status_code == 201, spoken.text
        assert server.terminate() == 0
        sound = tmp_path / "rain.mp3"
        done = installation.commands(
            ["user", "list"],
            ["user", "passwd", "ann", "--password-stdin"],
            ["aura", "grant", "ann", "5", "--reason", "test"],
            ["voices", "list"],
            ["models", "list"],
            ["backup", str(tmp_path / "backup")],
            ["generate", "rain", "-o", str(sound), "--duration", "1"],
            ["restore", str(tmp_path / "backup"), "--replace"],
            ["user", "set", "ann", "--tier", "free"],
            ["user", "disable", "ann"],
            ["user", "enable", "ann"],
            ["voices", "remove", NAME],
            ["user", "delete", "ann", "--yes"],
            ["--version"],
            text=PASSWORD,
        )
        assert done.returncode == 0, done.stderr
    assert watched.left_behind() == []
    assert watched.spoken_to() == []
    assert list(elsewhere.iterdir()) == []


def test_libraries_are_kept_quiet_wherever_the_product_is_imported(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "watched")
    environment = watched.environment({"MPLCONFIGDIR": "", "PATH": "/usr/bin:/bin"})
    environment["MPLCONFIGDIR"] = str(tmp_path / "matplotlib")
    subprocess.run([sys.executable, "-c", LIBRARIES], env=environment, timeout=120, check=True)
    assert watched.left_behind() == []


@pytest.mark.skipif(STRACE is None, reason="what native code does can be seen with strace only")
def test_native_code_that_speaks_looks_nobody_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "watched")
    write_tiny_voice(tmp_path / "voices")
    source = str(tmp_path / "voices" / f"{NAME}.onnx")
    request = {
        "ask": "speak", "speed": 1.0, "limit_s": 60,
        "segments": [{"engine": "piper", "source": source, "text": "hello"}],
    }  # fmt: skip
    environment = watched.environment({"PATH": "/usr/bin:/bin"})
    command = ["-m", "webapp.engines.speech.speaker_process"]
    assert watched.traced(command, environment, json.dumps(request).encode() + b"\n") == []
    assert watched.left_behind() == []
