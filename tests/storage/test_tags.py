"""Tags: read back by libsndfile, with the sound unchanged, in every format."""

from pathlib import Path
from typing import IO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.waveform import Waveform
from webapp.storage.tagged_file import TaggedFile
from webapp.storage.tags import Retagging, Tags, retag

TAGS = Tags(
    title="Über 雨 🎵", artist="ann", comment="calm rain\nin two lines; x=y", license="CC-BY-NC 4.0",
    software="Soundloom 1", date="2024-01-15",
)  # fmt: skip


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A noisy second and a half in each format."""
    folder = tmp_path_factory.mktemp("sounds")
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 48_000)).astype(np.float32)
    paths = {str(kind): folder / f"sound.{kind}" for kind in AudioFormat}
    for kind in AudioFormat:
        write_audio(paths[str(kind)], Waveform(noise, 32_000), kind)
    return paths


def _tagged(path: Path, tags: Tags, into: Path) -> Path:
    with TaggedFile(path, tags) as file:
        into.write_bytes(b"".join(file.chunks()))
        assert into.stat().st_size == file.size_bytes
    return into


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_tags_are_read_back_and_the_sound_is_the_same(
    sounds: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    once = _tagged(sounds[suffix], TAGS, tmp_path / f"once.{suffix}")
    # Tagged again, they replace what was there.
    shorter = Tags(title="New", artist="ann", comment="c" * 400, license="MIT", software="S")
    twice = _tagged(once, shorter, tmp_path / f"twice.{suffix}")
    for path, tags in ((once, TAGS), (twice, shorter)):
        with soundfile.SoundFile(path) as file:
            assert (file.title, file.artist) == (tags.title, tags.artist)
            if suffix != "mp3" or len(tags.comment) < 100:
                assert file.comment == tags.comment
            told = file.copyright if suffix in {"wav", "mp3"} else file.license
            assert told == tags.license
            if suffix == "flac":
                assert file.software.startswith(tags.software)
        assert np.array_equal(soundfile.read(path)[0], soundfile.read(sounds[suffix])[0])


def test_headers_on_several_pages_stay_on_as_many(sounds: dict[str, Path], tmp_path: Path) -> None:
    long = Tags(title="t", comment="c" * 70_000)
    data = sounds["ogg"].read_bytes()
    # One page cannot hold this much, so the file is left as it is.
    assert retag("ogg", data, len(data), long) == Retagging(b"", 0, len(data))


@settings(max_examples=200)
@given(st.sampled_from(["wav", "flac", "ogg", "mp3", "png"]), st.binary(max_size=80))
def test_files_of_another_kind_are_left_alone(suffix: str, rest: bytes) -> None:
    starts = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "mp3": b"ID3"}
    for head in (rest, starts.get(suffix, b"") + rest):
        change = retag(suffix, head, len(head), TAGS)
        assert change.replaced <= len(head)


def test_a_file_that_cannot_be_read_is_not_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"no sound")
    opened: list[IO[bytes]] = []
    real_open = Path.open

    def watched(self: Path, mode: str) -> IO[bytes]:
        opened.append(real_open(self, "rb"))
        path.unlink()
        return opened[0]

    monkeypatch.setattr(Path, "open", watched)
    with TaggedFile(path) as file:
        assert b"".join(file.chunks()) == b"no sound"
    assert opened[0].closed
