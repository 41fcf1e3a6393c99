"""Marks in sound files, read by programs of others; the audio is the same with and without."""

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.system_tools import system_tool
from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.marks import BY_RULES, IPTC, TRAINED, Marks
from webapp.audio.waveform import Waveform

RATE = 44_100
MARKS = Marks("calm rain — тихий дождь 雨 \U0001f327", "musicgen-small", 7, "CC-BY-NC-4.0", TRAINED)


@pytest.fixture
def waveform() -> Waveform:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, RATE + 1)).astype(np.float32)
    return Waveform(noise, RATE)


def written(folder: Path, waveform: Waveform, audio_format: AudioFormat, marks: Marks | None) -> Path:
    path = folder / f"{'marked' if marks else 'plain'}.{audio_format}"
    write_audio(path, waveform, audio_format, marks=marks)
    return path


def chunks(path: Path) -> dict[bytes, bytes]:
    """The chunks of a RIFF file, by name."""
    content = path.read_bytes()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found[name] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_the_audio_is_the_same(tmp_path: Path, waveform: Waveform, audio_format: AudioFormat) -> None:
    loop = Marks("rain", "sketch", None, "", BY_RULES, is_loop=True)
    marked = written(tmp_path, waveform, audio_format, loop)
    plain = written(tmp_path, waveform, audio_format, None)
    assert marked.read_bytes() != plain.read_bytes()
    np.testing.assert_array_equal(soundfile.read(marked)[0], soundfile.read(plain)[0])
    if audio_format is AudioFormat.OGG:
        # Its streams are numbered at random, until whoever finishes them numbers them.
        return
    again = marked.read_bytes()
    assert written(tmp_path, waveform, audio_format, loop).read_bytes() == again


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_ffprobe_and_exiftool_show_them(
    tmp_path: Path, waveform: Waveform, audio_format: AudioFormat
) -> None:
    path = written(tmp_path, waveform, audio_format, MARKS)
    tags = _ffprobe(path)
    assert tags["title"] == MARKS.prompt
    assert tags["comment"] == MARKS.comment
    assert tags["artist"] == "Soundloom"
    shown = _exiftool(path)
    assert f"AI-generated ({IPTC}trainedAlgorithmicMedia)" in shown
    for fact in ("тихий дождь 雨", "model: musicgen-small", "seed: 7", "license: CC-BY-NC-4.0"):
        assert fact in shown


def test_an_mp3_has_each_fact_by_its_name(tmp_path: Path, waveform: Waveform) -> None:
    tags = _ffprobe(written(tmp_path, waveform, AudioFormat.MP3, MARKS))
    assert tags["digital_source_type"] == f"{IPTC}{TRAINED}"
    assert (tags["prompt"], tags["model"], tags["seed"]) == (MARKS.prompt, "musicgen-small", "7")
    assert tags["copyright"] == "CC-BY-NC-4.0"


def test_a_prompt_that_is_kept_out_is_nowhere(tmp_path: Path, waveform: Waveform) -> None:
    secret = Marks("", "sketch", 7, "CC0", BY_RULES)
    for audio_format in AudioFormat:
        path = written(tmp_path, waveform, audio_format, secret)
        assert _ffprobe(path)["title"] == "Soundloom sound"
        assert b"prompt" not in path.read_bytes()


def test_a_loop_says_where_it_begins_and_ends(tmp_path: Path, waveform: Waveform) -> None:
    looped = Marks("rain", "sketch", 7, "CC0", BY_RULES, is_loop=True)
    sampler = chunks(written(tmp_path, waveform, AudioFormat.WAV, looped))[b"smpl"]
    (loops,) = struct.unpack_from("<I", sampler, 28)
    kind, first, last, _, endless = struct.unpack_from("<5I", sampler, 40)
    assert (loops, kind, first, last, endless) == (1, 0, 0, waveform.frames - 1, 0)
    assert b"smpl" not in chunks(written(tmp_path, waveform, AudioFormat.WAV, MARKS))


def _ffprobe(path: Path) -> dict[str, str]:
    command = [
        system_tool("ffprobe", "ffmpeg"),
        "-v",
        "error",
        "-of",
        "json",
        "-show_format",
        "-show_streams",
    ]
    shown: dict[str, Any] = json.loads(
        subprocess.run([*command, path], capture_output=True, check=True).stdout
    )
    tags = {**shown["streams"][0].get("tags", {}), **shown["format"].get("tags", {})}
    return {name.lower(): text for name, text in tags.items()}


def _exiftool(path: Path) -> str:
    tool = system_tool("exiftool", "libimage-exiftool-perl")
    # RIFF has no encoding of its own, so it has to be told.
    command = [tool, "-json", "-charset", "RIFF=utf8", "-charset", "ID3=utf8", str(path)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()
