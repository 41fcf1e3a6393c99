"""The command line as a process: exit codes, output, start-up, several at once."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from tests.cli.conftest import Outcome, Soundloom
from tests.library.sent_sounds import two_notes, webm
from webapp import __version__, cli
from webapp.audio.joining import SEAM_S
from webapp.cli import generate
from webapp.engines.base import Engine, EngineInfo, ModelLoadError
from webapp.engines.sketch.engine import SketchEngine
from webapp.worker.engine_set import EngineSet

HEAVY = ("audiocraft", "litestar", "matplotlib", "numpy", "scipy", "soundfile", "torch", "uvicorn")


class Broken(SketchEngine):
    """Has a model whose weights are damaged."""

    def info(self, model: str) -> EngineInfo:
        return replace(super().info(model), needs_load=True)

    def load(self, model: str) -> None:
        raise ModelLoadError("state_dict.bin is damaged or incomplete; fetch it again")


def _environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDLOOM_")}
    return {**kept, "SOUNDLOOM_DATA_DIR": str(data_dir), **more}


def _start(data_dir: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "webapp", *arguments],
        env=_environment(data_dir, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_commands_started_together_on_nothing_all_succeed(data_dir: Path) -> None:
    commands = [_start(data_dir, "user", "create", f"user{n}", "--password-stdin") for n in range(3)]
    for command in commands:
        assert command.communicate("correct horse\n", timeout=60) == ("", "")
        assert command.returncode == 0
    listing = _start(data_dir, "user", "list")
    out, _ = listing.communicate(timeout=60)
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "user0", "user1", "user2"]


@pytest.mark.parametrize("arguments", [["--version"], ["user", "list"], ["token", "create", "nobody"]])
def test_a_command_imports_only_what_it_needs(data_dir: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from webapp.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=_environment(data_dir),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_wrong_setting_is_one_line_and_code_2(data_dir: Path) -> None:
    command = _start(data_dir, "user", "list", SOUNDLOOM_PORT="many")
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (2, "")
    assert err.startswith("soundloom: SOUNDLOOM_PORT has a wrong value")
    assert err.count("\n") == 1
    assert not data_dir.exists()


def test_the_version(soundloom: Soundloom) -> None:
    shown = soundloom("--version")
    assert (shown.code, shown.out) == (0, f"soundloom {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "unknown",
        "user",
        "user create",
        "user create ada --password secret",
        "user list --vers",
        "aura grant ada many --reason x",
        "aura grant ada 5",
        "generate rain",
        "worker --worker-id a/b",
        "worker --models music,voice",
        "speech-worker --worker-id :0",
    ],
)
def test_wrong_usage_is_code_2_and_touches_nothing(
    soundloom: Soundloom, data_dir: Path, arguments: str
) -> None:
    refused = soundloom(*arguments.split())
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("usage: soundloom")
    assert not data_dir.exists()


@pytest.mark.parametrize("is_buffered", [True, False])
@pytest.mark.parametrize("arguments", [("user", "list"), ("models", "list")])
def test_a_list_that_nobody_reads_ends_without_a_word(
    data_dir: Path, arguments: tuple[str, ...], is_buffered: bool
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, *([] if is_buffered else ["-u"]), "-m", "webapp", *arguments],
        env=_environment(data_dir),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_pipe_that_breaks_elsewhere_is_told(soundloom: Soundloom, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(cli, "_command", lambda _: broken)
    monkeypatch.setattr(cli, "_is_unread", lambda: False)
    assert soundloom("user", "list") == Outcome(1, "", "soundloom: Broken pipe\n")


def test_a_data_folder_that_cannot_be_made_is_one_line(soundloom: Soundloom, data_dir: Path) -> None:
    data_dir.write_text("a file")
    refused = soundloom("user", "list")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"soundloom: File exists: {data_dir}\n"


class TestGenerate:
    def test_it_makes_a_sound_without_server_or_data(
        self, soundloom: Soundloom, tmp_path: Path, data_dir: Path
    ) -> None:
        path = tmp_path / "rain.wav"
        made = soundloom("generate", "calm rain", "-o", str(path), "--duration", "1.5", "--seed", "7")
        assert (made.code, made.err) == (0, "")
        assert made.out.startswith(f"{path}: 1.5 s, sketch: rule-based, no model, seed 7, quality ")
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.duration) == ("WAV", "PCM_16", 1.5)
        assert not data_dir.exists()
        assert list(tmp_path.iterdir()) == [path]

        again = tmp_path / "again.wav"
        soundloom("generate", "calm rain", "-o", str(again), "--duration", "1.5", "--seed", "7")
        assert again.read_bytes() == path.read_bytes()

    def test_the_name_chooses_the_format_and_a_loop_keeps_its_length(
        self, soundloom: Soundloom, tmp_path: Path
    ) -> None:
        path = tmp_path / "wind.FLAC"
        assert soundloom("generate", "wind", "-o", str(path), "--duration", "2", "--loopable").code == 0
        info = soundfile.info(path)
        assert (info.format, info.duration) == ("FLAC", 2.0)

    def test_several_takes_are_several_files(self, soundloom: Soundloom, tmp_path: Path) -> None:
        arguments = ("-o", str(tmp_path / "rain.wav"), "--duration", "1", "--seed", "7", "--takes", "2")
        made = soundloom("generate", "calm rain", *arguments)
        assert made.code == 0
        assert [line.partition(":")[0] for line in made.out.splitlines()] == [
            str(tmp_path / f"rain-{number}.wav") for number in (1, 2)
        ]
        one, other = [(tmp_path / f"rain-{number}.wav").read_bytes() for number in (1, 2)]
        assert one != other

    def test_a_file_is_continued(self, soundloom: Soundloom, tmp_path: Path) -> None:
        first, second = tmp_path / "first.wav", tmp_path / "second.wav"
        soundloom("generate", "calm rain", "-o", str(first), "--duration", "2", "--seed", "7")
        going_on = ("--continue-from", str(first), "--from", "1.5", "--duration", "3", "--seed", "8")
        assert soundloom("generate", "birds", "-o", str(second), *going_on).code == 0
        before, rate = soundfile.read(first, dtype="int16")
        after, _ = soundfile.read(second, dtype="int16")
        kept = round((1.5 - SEAM_S) * rate)
        assert len(after) == 3 * rate
        assert after[:kept].tolist() == before[:kept].tolist()
        looped = soundloom("generate", "birds", "-o", str(second), "--loopable", *going_on)
        assert looped.err == "soundloom: A continuation cannot be loopable\n"
        short = soundloom("generate", "birds", "-o", str(second), *going_on[:4], "--duration", "2")
        assert "must be at least 2.5 seconds" in short.err

    def test_a_file_that_cannot_be_written_leaves_the_one_before(
        self, soundloom: Soundloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(path: Path, *_arguments: object, **_options: object) -> None:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        path = tmp_path / "rain.wav"
        path.write_bytes(b"before")
        monkeypatch.setattr(generate, "write_audio", fail)
        refused = soundloom("generate", "rain", "-o", str(path), "--duration", "1")
        assert (refused.code, refused.err) == (1, "soundloom: No space left on device\n")
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_it_follows_a_melody(self, soundloom: Soundloom, tmp_path: Path) -> None:
        melody, wrong = tmp_path / "line.webm", tmp_path / "line.txt"
        melody.write_bytes(webm(2.0))
        wrong.write_text("do re mi")
        asked = ("generate", "solo flute", "--duration", "1.5", "--seed", "7", "-o")
        plain, followed = tmp_path / "plain.wav", tmp_path / "followed.wav"
        assert soundloom(*asked, str(plain)).code == 0
        assert soundloom(*asked, str(followed), "--melody-from", str(melody)).err == (
            "soundloom: No melody could be heard in the sound that was given\n"
        )
        melody.write_bytes(two_notes())
        made = soundloom(*asked, str(followed), "--melody-from", str(melody))
        assert (made.code, made.err) == (0, "")
        assert followed.read_bytes() != plain.read_bytes()
        other = soundloom(*asked, str(followed), "--melody-from", str(melody), "--model", "audio")
        assert other.err.endswith("cannot follow a melody with the model audio\n")
        refused = soundloom(*asked, str(followed), "--melody-from", str(wrong))
        assert refused.err.startswith("soundloom: This is no sound that can be read; send WAV")
        missing = soundloom(*asked, str(followed), "--melody-from", str(tmp_path / "none"))
        assert missing.err == f"soundloom: There is no file {tmp_path / 'none'}\n"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["", "-o", "x.wav"], "Prompt is required"),
            (["rain", "-o", "x.txt"], "The file's name must end in one of .wav, .flac, .ogg, .mp3"),
            (["rain", "-o", "missing/x.wav"], "There is no folder missing"),
            (["rain", "-o", "x.wav", "--duration", "0.5"], "Duration must be at least 1 second"),
            (["rain", "-o", "x.wav", "--duration", "nan"], "Duration must be a number of seconds"),
            (["rain", "-o", "x.wav", "--duration", "1e9"], "Duration must be at most"),
            (["rain", "-o", "x.wav", "--model", "gold"], "Model must be music, audio or magnet"),
            (["rain", "-o", "x.wav", "--seed", "-1"], "Seed must be a whole number"),
            (["rain", "-o", "x.wav", "--takes", "9"], "Takes must be a whole number from 1 to 8"),
            (["rain", "-o", "x.wav", "--from", "2"], "--from needs a sound to go on from"),
            (["rain", "-o", "x.wav", "--continue-from", "no.wav"], "There is no file no.wav"),
            (["rain", "-o", "x.wav", "--continue-from", __file__], f"{__file__} cannot be continued"),
        ],
    )
    def test_what_cannot_be_made_leaves_no_file(
        self,
        soundloom: Soundloom,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        arguments: list[str],
        message: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        refused = soundloom("generate", *arguments)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.startswith(f"soundloom: {message}")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("engines", "reason"),
        [
            ({}, "There are no weights for it in the models folder"),
            ({"music": Broken()}, "state_dict.bin is damaged or incomplete; fetch it again"),
        ],
    )
    def test_a_model_that_cannot_be_loaded_is_one_line_with_the_reason(
        self,
        soundloom: Soundloom,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        engines: dict[str, Engine],
        reason: str,
    ) -> None:
        monkeypatch.setattr(EngineSet, "from_settings", lambda _settings: EngineSet(engines))
        refused = soundloom("generate", "rain", "-o", str(tmp_path / "x.wav"))
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == f"soundloom: The model could not be loaded: {reason}\n"
