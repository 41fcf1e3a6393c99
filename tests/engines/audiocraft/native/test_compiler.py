"""What is compiled is kept, found again, made again when it is damaged, and done without where it must be."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from webapp.engines.audiocraft import factory
from webapp.engines.audiocraft.decoder.backend import BackendFactory
from webapp.engines.audiocraft.decoder.native.compiler import (
    LibraryBuilder,
    NativeUnavailable,
    default_builder,
)
from webapp.engines.audiocraft.decoder.native.library import Library, library_from
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.base import ModelLoadError

Load = Callable[[str], LoadedModel]

FAKE_COMPILER = """#!/bin/sh
case "$*" in *--version*) echo "fake {version}"; exit 0;; *"-E -x"*) exit {accepts};; esac
echo made >> "{log}"
while [ "$1" != "-o" ]; do shift; done
{build}
"""


class Fake:
    """A folder with a compiler that only notes how often it was called, and sources for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.log = folder / "log"
        self.sources = folder / "sources"
        self.sources.mkdir()
        (self.sources / "one.cpp").write_text("one")
        self.install()

    def install(self, *, version: str = "1", build: str = 'echo library > "$2"', accepts: int = 0) -> None:
        (self.folder / "bin").mkdir(exist_ok=True)
        compiler = self.folder / "bin" / "c++"
        compiler.write_text(FAKE_COMPILER.format(version=version, log=self.log, build=build, accepts=accepts))
        compiler.chmod(0o755)

    @property
    def builder(self) -> LibraryBuilder:
        # The script needs the system's tools; of compilers only ours is asked for.
        return LibraryBuilder(
            self.cache, {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "CXX": "c++"}, self.sources
        )

    @property
    def made(self) -> int:
        return self.log.read_text().count("made") if self.log.exists() else 0


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def test_is_compiled_once(fake: Fake) -> None:
    path = fake.builder.library()
    assert fake.builder.library() == path
    assert path.read_text() == "library\n"
    assert fake.made == 1


def test_another_source_compiler_or_choice_is_compiled_anew(fake: Fake) -> None:
    paths = [fake.builder.library()]
    (fake.sources / "one.cpp").write_text("two")
    paths.append(fake.builder.library())
    fake.install(version="2")
    paths.append(fake.builder.library())
    assert len(set(paths)) == fake.made == 3


@pytest.mark.parametrize("damage", ["cut", "emptied", "other", "checksum", "gone"])
def test_what_is_damaged_is_compiled_anew(fake: Fake, damage: str) -> None:
    path = fake.builder.library()
    match damage:
        case "cut":
            path.write_text("lib")
        case "emptied":
            path.write_text("")
        case "other":
            path.write_text("LIBRARY\n")
        case "checksum":
            path.with_suffix(".sha256").write_bytes(b"\xff\xfe")
        case _:
            path.unlink()
    assert fake.builder.library().read_text() == "library\n"
    assert fake.made == 2


def test_two_processes_compile_once(fake: Fake) -> None:
    """The second comes while the first compiles, and waits for it."""
    started, go = fake.folder / "started", fake.folder / "go"
    for pipe in (started, go):
        subprocess.run(["mkfifo", str(pipe)], check=True)
    fake.install(build=f'echo > "{started}"; read word < "{go}"; echo library > "$2"')
    script = (
        "from pathlib import Path\n"
        "from webapp.engines.audiocraft.decoder.native.compiler import LibraryBuilder\n"
        f"fake = Path({str(fake.folder)!r})\n"
        "path = {'PATH': f'{fake / \"bin\"}:/usr/bin:/bin'}\n"
        "print(LibraryBuilder(fake / 'cache', path, fake / 'sources').library().read_text())\n"
    )
    command = [sys.executable, "-c", script]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    started.read_text()
    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    go.write_text("on\n")
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert outputs == ["library\n\n", "library\n\n"]
    assert fake.made == 1


def test_a_process_that_is_killed_while_it_compiles_leaves_nothing_behind(fake: Fake) -> None:
    started = fake.folder / "started"
    subprocess.run(["mkfifo", str(started)], check=True)
    # Says that it has begun, writes half a library, and is killed with whoever called it.
    fake.install(build=f'echo half > "$2"; echo > "{started}"; kill -KILL $PPID')
    script = (
        "from pathlib import Path\n"
        "from webapp.engines.audiocraft.decoder.native.compiler import LibraryBuilder\n"
        f"fake = Path({str(fake.folder)!r})\n"
        "path = {'PATH': f'{fake / \"bin\"}:/usr/bin:/bin'}\n"
        "LibraryBuilder(fake / 'cache', path, fake / 'sources').library()\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", script])
    started.read_text()
    assert killed.wait(timeout=60) == -signal.SIGKILL
    assert any(path.is_dir() for path in fake.cache.iterdir())
    fake.install()
    assert fake.builder.library().read_text() == "library\n"
    assert not any(path.is_dir() for path in fake.cache.iterdir())


def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NativeUnavailable, match=r"there is no C\+\+ compiler"):
        LibraryBuilder(tmp_path, {"PATH": str(tmp_path)}).library()


def test_a_compiler_asked_for_by_name_is_the_only_one(fake: Fake) -> None:
    builder = LibraryBuilder(
        fake.cache, {"PATH": str(fake.folder / "bin"), "CXX": "gone++ -m64"}, fake.sources
    )
    with pytest.raises(NativeUnavailable, match=r"gone\+\+"):
        builder.library()


def test_a_compiler_that_fails_is_quoted_and_tried_again(fake: Fake) -> None:
    fake.install(build="echo 'one.cpp: this is not C++' >&2; exit 1")
    with pytest.raises(NativeUnavailable, match="this is not C"):
        fake.builder.library()
    fake.install()
    assert fake.builder.library().read_text() == "library\n"


def test_a_compiler_that_knows_no_target_is_none(fake: Fake) -> None:
    fake.install(accepts=1)
    with pytest.raises(NativeUnavailable, match="there is no"):
        fake.builder.find_compiler()


def test_a_folder_that_others_can_write_to_is_not_used(fake: Fake) -> None:
    fake.cache.mkdir()
    fake.cache.chmod(0o777)
    with pytest.raises(NativeUnavailable, match="others may write"):
        fake.builder.library()
    assert fake.made == 0


def test_a_folder_that_cannot_be_made_is_told(fake: Fake) -> None:
    fake.cache.write_text("a file is in the way")
    with pytest.raises(NativeUnavailable, match="cannot hold compiled libraries"):
        fake.builder.library()


def test_where_nothing_can_be_kept_a_process_compiles_for_itself(
    fake: Fake, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    fake.install(build=f'cp "{default_builder().library()}" "$2"')
    fake.cache.write_text("a file is in the way")
    assert library_from(fake.builder).instructions == library.instructions
    assert "cannot hold compiled libraries" in caplog.text
    assert fake.made == 1


def test_a_file_that_is_no_library_is_told(fake: Fake) -> None:
    with pytest.raises(NativeUnavailable, match="cannot be loaded"):
        Library(fake.builder.library())


def test_decoding_goes_on_without_it(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> BackendFactory:
        raise NativeUnavailable("there is no C++ compiler (c++)")

    monkeypatch.setattr(factory, "native_factory", none)
    model = loaded("tiny-musicgen")
    precision = factory.initial_precision(None, model)
    assert precision in (Precision.BFLOAT16, Precision.FLOAT32)
    assert caplog.text.count("there is no C++ compiler") == 1
    assert torch.device("cpu") == model.device
    factory.build_runner(model, precision, 1)
    with pytest.raises(ModelLoadError, match="int8 is not available"):
        factory.build_runner(model, Precision.INT8, 1)
